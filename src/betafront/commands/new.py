"""`betafront new`: a project of one's own, which sweeps at once."""

import importlib.util
import keyword
import shlex
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from betafront.errors import UserError, os_error
from betafront.files import write_whole
from betafront.front.decision.commands import as_written
from betafront.shipped import conf_dir, studies_dir
from betafront.terminal import console, print_next

NAME = "NAME"  # stands in the template, in the names of files and in texts, for the project's name
TEXT = ".txt"  # ends the name of a template that is Python, and no module of betafront's
HIDDEN = {"gitignore": ".gitignore"}  # packages are built without files that begin with a dot


def new(name: str) -> None:
    """Write a project into a folder of its name: data, model, study, test and README.

    Args:
        name: of the folder, and of the choices of data, model and study.

    Raises:
        UserError: it is no name of a module, or one that is taken; or the folder is there.
    """
    check_name(name)
    folder = Path(name)
    try:
        folder.mkdir()
        for path, text in project(name):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, text)
    except FileExistsError:
        raise UserError(
            f"there is a {'folder' if folder.is_dir() else 'file'} {name} here already: choose "
            "another name"
        ) from None
    except OSError as error:
        raise UserError(os_error(error)) from error
    out = console()
    out.print(f"The project {name} is a folder with data, a model, a study and a test.")
    print_next(
        [
            ("begin with", f"cd {shlex.quote(name)} && betafront sweep study={name}"),
            ("data", folder / f"{name}_data.py"),
            ("model", folder / f"{name}_model.py"),
            ("study", folder / "studies" / name / "study.yaml"),
            ("commands", folder / "README.md"),
        ],
        out,
    )


def check_name(name: str) -> None:
    """Refuse a name that cannot be one of a module, or that means something else already.

    Raises:
        UserError: saying why.
    """
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise UserError(
            f"'{name}' cannot be the name of a project: it becomes that of Python modules, so take "
            "letters, digits and _, and no word of Python's, as in betafront new mine"
        )
    if as_written(name) != name or yaml.safe_load(name) != name:
        raise UserError(f"{name} is a value in YAML, and no name: choose another name")
    if name in sys.stdlib_module_names:
        raise UserError(f"{name} is a module of Python's standard library: choose another name")
    for module in (name, f"{name}_data", f"{name}_model"):
        if _is_installed(module):
            raise UserError(f"{module} is an installed module: choose another name")
    shipped = {path.stem for group in ("data", "model") for path in (conf_dir() / group).iterdir()}
    if name in shipped | {path.name for path in studies_dir().iterdir()}:
        raise UserError(f"{name} is a choice of betafront's own: choose another name")


def _is_installed(module: str) -> bool:
    """Whether Python finds a module of this name elsewhere than in this folder."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return True
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return not all(Path(place).is_relative_to(Path.cwd()) for place in places)


def project(name: str) -> Iterator[tuple[Path, str]]:
    """The files of a new project, by their paths within it.

    Args:
        name: of the project.
    """
    for path, file in _below(files("betafront") / "templates" / "project", Path()):
        named = path.with_name(HIDDEN.get(path.name, path.name).removesuffix(TEXT))
        text = file.read_text(encoding="utf-8").replace(NAME, name)
        yield Path(str(named).replace(NAME, name)), text


def _below(folder: Traversable, path: Path) -> Iterator[tuple[Path, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, path / entry.name)
        else:
            yield path / entry.name, entry
