"""The nodes of a configuration that decide, with `seed`, what a run computes; and what of the
project a configuration may name for them."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from betafront.shipped import conf_dir

PARTS = (
    "data",
    "model",
    "prior",
    "likelihood",
    "normalisation",
    "schedule",
    "shaping",
    "controller",
    "penalty",
    "optimizer",
    "lr_schedule",
    "trainer",
    "callbacks",
    "metrics",
    "objective",
)

ADDED = ("prior", "lr_schedule", "callbacks")
"""Of these, the nodes that earlier versions did not have: without settings they stand for nothing,
and a configuration that was saved without them is meant so."""

TO_LOAD = ("model", "prior", "likelihood")
"""The parts of which a trained model is made."""

PUBLIC = {
    "model": "betafront.models",
    "likelihood": "betafront.objective.likelihoods",
    "data": "betafront.data",
    "objective": "betafront.objective",
}
"""Packages of which a configuration may name the public classes, by the part that they are for. A
class makes nothing but itself; a function may do anything, such as write a file."""

TARGET = re.compile(r"_target_['\"]?\s*[=:]\s*['\"]?([^\W\d][\w.]*)")  # in YAML, or an override


@lru_cache
def parts(of: tuple[str, ...] = PARTS) -> frozenset[str]:
    """The targets of the project that a configuration may name for some parts of a run: those of
    the shipped choices, and the public classes of the packages."""
    packages = [PUBLIC[part] for part in of if part in PUBLIC]
    public = frozenset(f"{one}.{name}" for one in packages for name in _public_classes(one))
    return public | targets_in(file for part in of for file in files_of_group(conf_dir() / part))


@lru_cache
def records() -> frozenset[str]:
    """The targets that the shipped choices name for the record of a study, and for what is told the
    history of a run beside it."""
    groups = ("tracking", "loggers")
    return targets_in(file for group in groups for file in files_of_group(conf_dir() / group))


def files_of_group(folder: Path) -> Iterator[Path]:
    """The choices in a folder of configurations, as Hydra finds them: at any depth."""
    return folder.rglob("*.yaml")


def targets_in(files: Iterable[Path]) -> frozenset[str]:
    """The targets that configuration files name."""
    texts = (path.read_bytes().decode(errors="replace") for path in files if path.is_file())
    return frozenset(name for text in texts for name in TARGET.findall(text))


@lru_cache
def _public_classes(package: str) -> frozenset[str]:
    """The classes among the public names of a package. The package, which may need torch, is read
    and not imported."""
    folder = _file_of(package).parent
    stub = folder / "__init__.pyi"  # of a package that imports its parts when they are asked for
    lines = ast.parse((stub if stub.is_file() else folder / "__init__.py").read_text("utf-8")).body
    found = set[str]()
    for line in lines:
        if not isinstance(line, ast.ImportFrom):
            continue
        module = f"{package}.{line.module}" if line.level else str(line.module)
        if module.startswith("betafront."):
            found |= {name.name for name in line.names} & _classes_in(module)
    return frozenset(found)


def _classes_in(module: str) -> frozenset[str]:
    """The classes that a module of the project defines, or that a package makes public."""
    path = _file_of(module)
    if path.name == "__init__.py":
        return _public_classes(module)
    body = ast.parse(path.read_text("utf-8")).body
    return frozenset(line.name for line in body if isinstance(line, ast.ClassDef))


def _file_of(module: str) -> Path:
    path = Path(__file__).parents[1].joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
