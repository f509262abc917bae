"""The user's own modules, which lie beside `conf/`: finding them, and saying in one line what went
wrong where one of them cannot be imported, has not what a configuration names, or raises an error.
"""

import importlib
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from betafront.errors import UserError, near_miss, one_line

LONGEST = 300  # characters of an error's message


def find_modules_in(folder: Path) -> None:
    """Have the modules of `folder` found by every import, after those that are installed: a file
    there called `random.py` is not to take the place of Python's own module."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def check_target(target: str) -> None:
    """Refuse a `_target_` that cannot be had.

    Args:
        target: a dotted path to a function or class, as a configuration names it.

    Raises:
        UserError: naming the cause, and the file and line that it is in.
    """
    first, *rest = target.split(".")
    if not rest or not all(part.isidentifier() for part in (first, *rest)):
        raise UserError(
            f"_target_: {target}: name a function or class as module.name, as in "
            "_target_: mymodule.my_vae"
        )
    found: Any = _imported(first, target)
    for depth, part in enumerate(rest, 1):
        found = _attribute(found, part, ".".join([first, *rest[:depth]]), target)
    if not callable(found):
        raise UserError(f"_target_: {target} is no function or class, but {_of_type(found)}")


def _attribute(holder: Any, name: str, path: str, target: str) -> Any:
    """`name` of a module or class; a module of a package is imported for it."""
    missing = object()
    try:
        found = getattr(holder, name, missing)
    except Exception as error:  # of a module that imports its parts when they are asked for
        raise UserError(f"_target_: {target} cannot be imported: {cause(error)}") from error
    if found is missing and hasattr(holder, "__path__"):
        found = _imported(path, target, missing)
    if found is not missing:
        return found
    folders = [Path(folder) for folder in getattr(holder, "__path__", ())]
    known = [key for key in dir(holder) if not key.startswith("_")] + _modules_in(folders)
    parent = path.rpartition(".")[0]
    place = f" ({_shown(Path(file))})" if (file := getattr(holder, "__file__", None)) else ""
    hidden = _hidden(holder)
    raise UserError(
        f"_target_: {target}: {parent}{place} has no '{name}': {hidden or _near(name, known)}"
    )


def _imported(module: str, target: str, otherwise: Any = None) -> Any:
    """A module; where there is none of this name `otherwise`, if that is given."""
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a script may exit when it is imported
        absent = isinstance(error, ModuleNotFoundError) and error.name == module
        if absent and otherwise is not None:
            return otherwise
        if absent:
            raise UserError(
                f"_target_: {target}: there is no module '{module}', neither installed nor in "
                f"{Path.cwd()}: {_near(module, _modules_in([Path()]))}"
            ) from error
        raise UserError(f"_target_: {target} cannot be imported: {cause(error)}") from error


def cause(error: BaseException) -> str:
    """An error in one line: its kind and message, and where in the user's own files it was raised.

    >>> cause(ValueError("no such layer"))
    'ValueError: no such layer'
    """
    text = one_line(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(Path(error.filename))}, line {error.lineno}: {type(error).__name__}: " + (
            " ".join(error.msg.split())
        )
    if isinstance(error, SystemExit):
        text = "the module ends the program: keep what it runs below if __name__ == '__main__':"
    if isinstance(error, ModuleNotFoundError) and error.name and text.startswith("No module"):
        text = f"there is no module '{error.name}': install it, or mend its name"
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = users_place(error)
    return f"{place}: {said[:LONGEST]}" if place else said[:LONGEST]


def users_place(error: BaseException) -> str:
    """`file, line N`: the innermost place in the user's own files at which an error was raised;
    empty where none is involved, so that the fault is ours or a library's."""
    for frame in reversed(extract_tb(error.__traceback__)):
        if _is_users(frame.filename):
            return f"{_shown(Path(frame.filename))}, line {frame.lineno}"
    return ""


def _is_users(file: str) -> bool:
    """Whether a file of code is neither Python's, nor installed, nor a part of betafront."""
    path = Path(file)
    here = Path(__file__).resolve().parent
    others = [here, here.parent / "hydra_plugins", Path(sys.prefix), Path(sys.base_prefix)]
    others += [Path(place) for place in sysconfig.get_paths().values()]
    return path.is_file() and not any(path.is_relative_to(other) for other in others)


def _hidden(found: Any) -> str:
    """The way out where an installed module has the name of one beside `conf/`."""
    if not isinstance(found, ModuleType) or not (file := getattr(found, "__file__", None)):
        return ""
    name = found.__name__.partition(".")[0]
    own = [path for path in (Path(f"{name}.py"), Path(name, "__init__.py")) if path.is_file()]
    if not own or Path(file).is_relative_to(Path.cwd() / name) or Path(file) == own[0].absolute():
        return ""
    return f"your {own[0]} is hidden by an installed module of its name: rename it"


def _modules_in(folders: Sequence[Path]) -> list[str]:
    """The modules and packages that lie in folders."""
    found = [path for folder in folders for path in folder.glob("*.py")]
    packages = [path.parent for folder in folders for path in folder.glob("*/__init__.py")]
    return [path.stem for path in (*found, *packages) if not path.stem.startswith("_")]


def _near(name: str, known: list[str]) -> str:
    """As `near_miss`; of more names than can be read, none."""
    said = near_miss(name, known)
    return said if said.startswith("did") or len(known) <= 12 else "mend the name"


def _shown(path: Path) -> Path:
    """A path as the user would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _of_type(value: Any) -> str:
    return "a module" if isinstance(value, ModuleType) else f"of type {type(value).__name__}"
