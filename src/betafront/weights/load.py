"""Finding a loss function by its name, `module:function`, and reading its settings."""

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from betafront.errors import UserError, near_miss, one_line
from betafront.own_modules import users_place
from betafront.weights.audit.sandbox import error_line


def load(name: str) -> Callable[..., Any]:
    """The function `module:function` or `file.py:function`; modules are looked for in the current
    directory first.

    Raises:
        UserError: there is no such module or function, or it cannot be called.
    """
    module_name, colon, path = name.rpartition(":")
    if not colon or not module_name or not path:
        raise UserError(f"name a loss as module:function or file.py:function, not '{name}'")
    found: Any = load_module(module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise UserError(f"{module_name} has no '{path}': {near_miss(part, callables(found))}")
        found = getattr(found, part)
    if not callable(found):
        raise UserError(f"{name} is no function but of type {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def load_module(name: str) -> ModuleType:
    """The module of that name, or the file."""
    if not name.endswith(".py") and (name.startswith(".") or "/" in name or "\\" in name):
        raise UserError(f"'{name}' is no module's name: give the file, as in {name}.py:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the standard output may be JSON
            return from_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise UserError(f"there is no module '{name}': {near_miss(name, nearby())}") from error
        missing = f"{one_line(error)}{_at(error)}"
        raise UserError(f"{name} needs a module that is not here: {missing}") from error
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a script may exit when it is imported
        raise UserError(f"importing {name} raised {error_line(error)}{_at(error)}") from error


def _at(error: BaseException) -> str:
    """Where in the user's files an error was raised, as far as its message does not say so."""
    place = "" if isinstance(error, SyntaxError) else users_place(error)
    return f" ({place})" if place else ""


def from_file(path: Path) -> ModuleType:
    """The module in a file."""
    if not path.is_file():
        raise UserError(f"there is no file '{path}': {near_miss(str(path), files(path.parent))}")
    spec = importlib.util.spec_from_file_location(path.stem, path.absolute())
    if spec is None or spec.loader is None:
        raise UserError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(folder: Path) -> list[str]:
    """The Python files of a folder."""
    return [str(path) for path in folder.glob("*.py")] if folder.is_dir() else []


def nearby() -> list[str]:
    """The modules of the current directory."""
    packages = [path.parent.name for path in Path().glob("*/__init__.py")]
    return packages + [path.stem for path in Path().glob("*.py")]


def callables(holder: Any) -> list[str]:
    """The names of what can be called in a module or an object."""
    return [
        name
        for name, value in vars(holder).items()
        if callable(value) and not isinstance(value, type) and not name.startswith("_")
    ]


def settings(pairs: Iterable[str]) -> dict[str, Any]:
    """{"weight": 0.1} of ["weight=0.1"]; a value that is no Python literal stays a text.

    Raises:
        UserError: a pair has no =.
    """
    answer: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set is like kld_weight=0.00025, not '{pair}'")
        answer[key.strip()] = value_of(text.strip())
    return answer


def value_of(text: str) -> Any:
    """The Python literal or the truth value that a text is, else the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
