"""Where code is defined: whether it is the user's own, and what a dotted name leads to."""

import functools
import importlib.util
import inspect
import site
import sys
import sysconfig
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from betafront.config.parts import parts

OF_THE_PROJECT = "betafront"


def package_of(name: str) -> str:
    """The first part of a dotted name."""
    return name.partition(".")[0]


def is_standard(name: str) -> bool:
    """Whether a module, function or class is of Python's standard library."""
    return package_of(name) in sys.stdlib_module_names


def is_own_code(name: str) -> bool:
    """Whether a module, function or class is of no installed library: of a file that the user has
    put where Python finds it, or has installed as editable; also where there is none."""
    package = package_of(name)
    if package == OF_THE_PROJECT or is_standard(name):
        return False
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # as of a module without a file
        return False
    if spec is None:
        return True
    if spec.origin in ("built-in", "frozen"):
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return not any(_is_installed(Path(place)) for place in places)


def _is_installed(path: Path) -> bool:
    every = {path.absolute(), path.resolve()}
    return any(
        {"site-packages", "dist-packages"} & set(p.parts) or set(p.parents) & _libraries()
        for p in every
    )


@lru_cache
def _libraries() -> frozenset[Path]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [sysconfig.get_path(kind) for kind in kinds]
    places += [*site.getsitepackages(), site.getusersitepackages()]
    return frozenset(path for p in places for path in (Path(p).absolute(), Path(p).resolve()))


def found(target: str, may_lead: Callable[[str], bool]) -> tuple[Any, str]:
    """What a target names, and the module in which it is defined. Where the way leads through a
    module that is there under another name, and may not be led through, that module is the answer.

    Args:
        target: a dotted name.
        may_lead: whether the way may lead through a module of this name.

    Raises:
        Exception: it is not there, or a module cannot be imported.
    """
    path, *rest = target.split(".")
    at: Any = import_module(path)
    module = at
    for part in rest:
        path = f"{path}.{part}"
        lacks = isinstance(at, ModuleType) and not hasattr(at, part)
        at = import_module(path) if lacks else getattr(at, part)
        if isinstance(at, ModuleType):
            module = at
            if module.__name__ != path and not may_lead(module.__name__):
                return at, module.__name__
    return at, _home(at, module)


def _home(made: Any, module: ModuleType) -> str:
    """The name of the module that defines something that was found in `module`."""
    while isinstance(made, functools.partial):
        made = made.func
    home = getattr(made, "__module__", None)
    owner = getattr(made, "__self__", None)
    if not isinstance(home, str) and owner is not None:  # a method of a built-in type
        home = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
    return home if isinstance(home, str) else module.__name__


HOMES_OF_TORCH = ("torch.optim.", "torch.nn.", "torchvision.transforms.v2.")
BASES_OF_TORCH = {
    ("torch.optim.optimizer", "Optimizer"),
    ("torch.optim.lr_scheduler", "LRScheduler"),
    ("torch.nn.modules.module", "Module"),
}


def is_of_torch(made: Any) -> bool:
    """Whether something is an optimiser, a schedule of its learning rate or a module of torch's
    own, such as `torch.nn.ReLU`, or a transform of torchvision's, which make nothing but
    themselves; torch is not imported for it."""
    if not inspect.isclass(made) or not made.__module__.startswith(HOMES_OF_TORCH):
        return False
    return any((base.__module__, base.__qualname__) in BASES_OF_TORCH for base in made.__mro__)


def is_part(made: Any) -> bool:
    """Whether something that a user's module has under its own name is a part of the project, or
    a `functools.partial` of one."""
    while isinstance(made, functools.partial):
        made = made.func
    home, name = getattr(made, "__module__", None), getattr(made, "__qualname__", None)
    if not isinstance(home, str) or package_of(home) != OF_THE_PROJECT:
        return False
    return any(part.rpartition(".")[2] == name and _is(part, made) for part in parts())


def _is(target: str, made: Any) -> bool:
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name, None) is made
