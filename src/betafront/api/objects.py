"""Objects of a program as parts of a run."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.api.arrays import is_array
from betafront.api.words import CALLED_LATER, makes, makes_dataset, name_of, unnamed
from betafront.errors import UserError

if TYPE_CHECKING:
    from betafront.training import Run

SETTINGS = (str, bool, int, float, list, tuple, Mapping, Path)  # what is written as words
FIELDS = {
    "data": "data",
    "model": "architecture",
    "prior": "make_prior",
    "likelihood": "likelihood",
    "optimizer": "make_optimizer",
    "lr_schedule": "make_lr_schedule",
    "trainer": "trainer",
    "metrics": "evaluate",
}
"""The parts that are fields of a `betafront.training.Run`, and what they are called there."""
OF_OBJECTIVE = ("normalisation", "schedule", "shaping", "controller")
"""The parts that the objective is made of."""


def is_object(key: str, value: Any) -> bool:
    """Whether a choice is an object that is given to the run as it is, and not by its name.

    Args:
        key: of the choice.
        value: that a program has given.

    Raises:
        UserError: it is one, and `key` is no part that may be an object.
    """
    if value is None or isinstance(value, SETTINGS) or is_array(value):
        return False
    if makes(value) and name_of(value) is not None:
        return False
    if hasattr(value, "item"):  # a number of NumPy's
        return False
    if key not in FIELDS and key not in OF_OBJECTIVE:
        every = ", ".join([*FIELDS, *OF_OBJECTIVE])
        raise UserError(
            f"{key}: {unnamed(value)}"
            if makes(value)
            else f"{key} is an object of type {type(value).__name__}; objects are given for "
            f"{every}, and anything else as a text, a number or a list"
        )
    return True


def with_objects(run: "Run", given: Mapping[str, Any]) -> "Run":
    """A run with some of its parts replaced.

    Args:
        run: of the choices beside the objects.
        given: objects by their parts, or functions that make them.

    Raises:
        UserError: a part is none.
    """
    from torch.nn import Module

    from betafront.data import Data, dataset

    made: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, Module):
            raise UserError(
                f"{key} is a module that is made already: give the function or class that makes it,"
                " since every run begins with a fresh one"
            )
        made[key] = value() if makes(value) and key not in CALLED_LATER else value
    if "data" in made and makes_dataset(type(made["data"])):
        made["data"] = dataset(type(made["data"]).__name__, made["data"])
    if "data" in made and not isinstance(made["data"], Data):
        raise UserError(
            f"data is an object of type {type(made['data']).__name__}, and no betafront.data.Data: "
            "give an array, a torch Dataset, or what betafront.data.in_memory makes"
        )
    fields = {FIELDS[key]: value for key, value in made.items() if key in FIELDS}
    own = {key: value for key, value in made.items() if key in OF_OBJECTIVE}
    return replace(run, **fields, make_objective=partial(run.make_objective, **own))
