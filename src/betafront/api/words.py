"""Python values as the words of a command: `model="conv"` is `model=conv`.

A text is written as it stands after the `=` of the command line, so that it may be a search, as
`"tag(log,interval(0.01,10))"`; a tuple is the choices of a search.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from betafront.api.arrays import is_array, words_of_array
from betafront.config.homes import OF_THE_PROJECT, found, package_of
from betafront.config.parts import parts
from betafront.errors import UserError

CALLED_LATER = ("model", "prior", "likelihood", "optimizer", "lr_schedule", "metrics")
"""The parts that are made for the data, or for a model: `_partial_` in `conf/`."""


DATASETS = {
    ("torch.utils.data.dataset", "Dataset"),
    ("pytorch_lightning.core.datamodule", "LightningDataModule"),
    ("lightning.pytorch.core.datamodule", "LightningDataModule"),
}


def words_of(choices: Mapping[str, Any]) -> list[str]:
    """Choices and settings as the words of a command.

    >>> words_of({"data": "digits", "objective": {"weight": 0.1}, "model.hidden": [64, 32]})
    ['data=digits', 'objective.weight=0.1', 'model.hidden=[64,32]']
    >>> words_of({"normalisation": ("sum", "mean"), "trainer.patience": None})
    ['normalisation=sum,mean', 'trainer.patience=null']

    Args:
        choices: by group or dotted key: a text as on the command line, a number, a list, a tuple of
            choices, a mapping of the settings below the key; for a part also a function or class
            that can be imported by its name, alone or as a `functools.partial` with plain values;
            for `data` also an array or a tensor of (n, …) examples, or a class of torch's `Dataset`
            or of Lightning's `LightningDataModule`.

    Raises:
        UserError: a value cannot be written, such as a function that has no name to import it by.
    """
    return [word for key, value in choices.items() for word in _words(key, value)]


def _words(key: str, value: Any) -> Iterator[str]:
    if is_array(value):
        if key != "data":
            raise UserError(f"{key} is an array, and only data may be one: give numbers in a list")
        yield from words_of_array(value)
        return
    if key == "data" and makes_dataset(value):
        node = node_of("dataset", value)
        name = str(node["_target_"]).rpartition(".")[2]
        yield from ("data=dataset", f"data.dataset={_written(key, node)}", f"data.name={name}")
        return
    if makes(value):
        value = node_of(key, value)
    if isinstance(value, Mapping) and "_target_" in value and "." in key:
        yield f"++{key}={_written(key, value)}"  # one of several, such as callbacks.watch
    elif isinstance(value, Mapping) and "_target_" in value:
        yield f"~{key}"  # without the settings of the choice that it stands for
        yield f"+{key}={_written(key, value)}"
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from _words(f"{key}.{name}", below)
    elif isinstance(value, tuple):
        if not value:
            raise UserError(f"{key}: a tuple holds the choices of a search, and this one is empty")
        yield f"{key}={','.join(_written(key, choice) for choice in value)}"
    else:
        yield f"{key}={_written(key, value)}"


def _written(key: str, value: Any) -> str:
    """A value in the grammar of overrides."""
    value = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        readable = isinstance(value, str) and _can_be_read(value)
        return str(value) if readable else _quoted(str(value))
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{k}: {_written(key, v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(_written(key, one) for one in value)}]"
    raise UserError(
        f"{key} is an object of type {type(value).__name__}, which has no name by which another "
        "process could make it: give the function or class that returns it, or settings"
    )


def _can_be_read(text: str) -> bool:
    from betafront.config.overrides import parse

    try:
        parse([f"x={text}"])
    except UserError:
        return False
    return bool(text)


def _quoted(text: str) -> str:
    from betafront.front.decision.commands import as_written

    return as_written(text)


def makes_dataset(value: Any) -> bool:
    """Whether it is a class of torch's `Dataset`, or of Lightning's `LightningDataModule`; neither
    library is imported for it."""
    while isinstance(value, functools.partial):
        value = value.func
    if not inspect.isclass(value):
        return False
    return any((base.__module__, base.__qualname__) in DATASETS for base in value.__mro__)


def makes(value: Any) -> bool:
    """Whether it is a function or class, and not what one has made."""
    return (
        isinstance(value, functools.partial) or inspect.isroutine(value) or inspect.isclass(value)
    )


def node_of(key: str, made: Any) -> dict[str, Any]:
    """What a configuration says of a function or class: its name, and the values that it is given.

    Args:
        key: of the part that it makes.
        made: the function or class, or a `functools.partial` of it with keyword arguments. Of
            those, functions and classes are called for it: what they return is given.

    Raises:
        UserError: it cannot be imported by its name.
    """
    settings: dict[str, Any] = {}
    while isinstance(made, functools.partial):
        if made.args:
            raise UserError(f"{key}: give the values of a functools.partial by their names")
        made, settings = made.func, {**made.keywords, **settings}
    target = name_of(made)
    if target is None:
        raise UserError(f"{key}: {unnamed(made)}")
    node: dict[str, Any] = {"_target_": target}
    if key in CALLED_LATER:
        node["_partial_"] = True
    if key == "data" and "name" not in settings and _takes_name(made):
        node["name"] = target.rpartition(".")[2]
    parts_of_it = {k: node_of(k, v) if makes(v) else v for k, v in settings.items()}
    return node | parts_of_it


def name_of(made: Any) -> str | None:
    """The dotted name by which every process can import a function or class, or that of a
    `functools.partial`; None where it has none, as a lambda, a function within a function, and what
    is defined in a notebook."""
    while isinstance(made, functools.partial):
        made = made.func
    module, name = getattr(made, "__module__", None), getattr(made, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    if module == "__main__" or "<" in name:
        return None
    return _as_chosen(made) or f"{module}.{name}"


def _as_chosen(made: Any) -> str | None:
    """The name by which `conf/` has a part of betafront's own, which lies deeper than that; None
    for anything else."""
    if package_of(made.__module__) != OF_THE_PROJECT:
        return None
    alike = (part for part in parts() if part.rpartition(".")[2] == made.__qualname__)
    return next((p for p in alike if found(p, lambda module: True)[0] is made), None)


def unnamed(made: Any) -> str:
    """Why something cannot be given to other processes, and the way out."""
    name = str(getattr(made, "__qualname__", type(made).__qualname__)).rpartition(".")[2]
    return (
        f"{name} is defined in this notebook or program, where the workers of a sweep cannot import"
        f" it: write it into a file beside conf/, as mymodule.py, and import it from there"
    )


def _takes_name(made: Callable[..., Any]) -> bool:
    try:
        return "name" in inspect.signature(made).parameters
    except (TypeError, ValueError):
        return False
