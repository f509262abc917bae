"""Python values as words of the command line."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from betafront.api.words import words_of
from betafront.config.overrides import parse
from betafront.data import digits
from betafront.errors import UserError
from betafront.models import mlp


def read_back(value: Any) -> Any:
    """What Hydra makes of the word of a value."""
    (word,) = words_of({"key": value})
    return parse([word])[0].value()


@pytest.mark.parametrize(
    "value", [1, -2.5, 1e-7, True, None, "conv", "two words", "a(b", "x,y'", "", [1, [2.5, "a"]]]
)
def test_a_value_comes_through(value: Any) -> None:
    assert read_back(value) == value


def test_numbers_of_numpy_and_paths_come_through() -> None:
    assert read_back(np.float32(0.5)) == 0.5
    assert read_back(Path("/tmp/a (1).npy")) == "/tmp/a (1).npy"


def test_a_search_stays_a_search() -> None:
    assert words_of({"objective.weight": "tag(log,interval(0.1,10))"}) == [
        "objective.weight=tag(log,interval(0.1,10))"
    ]
    (word,) = words_of({"model": ("mlp", "conv")})
    assert parse([word])[0].is_sweep_override()


def test_a_function_becomes_its_name_in_place_of_the_choice() -> None:
    name = "betafront.models.mlp"
    assert words_of({"model": mlp}) == [
        "~model",
        f"+model={{_target_: {name},_partial_: true}}",
    ]
    with_settings = words_of({"model": partial(mlp, latents=3, hidden=[8])})
    assert with_settings[1] == (
        f"+model={{_target_: {name},_partial_: true,latents: 3,hidden: [8]}}"
    )
    assert words_of({"data": digits})[1].endswith("name: digits}")
    nested = words_of({"model": partial(mlp, hidden=partial(dict, a=1))})[1]
    assert "hidden: {_target_: builtins.dict,a: 1}" in nested
    steps = partial(torch.optim.lr_scheduler.StepLR, step_size=100)
    assert words_of({"lr_schedule": steps, "callbacks": {"mine": Examples}}) == [
        "~lr_schedule",
        "+lr_schedule={_target_: torch.optim.lr_scheduler.StepLR,_partial_: true,step_size: 100}",
        f"++callbacks.mine={{_target_: {__name__}.Examples}}",
    ]


class Examples(Dataset[torch.Tensor]):
    """A data set of torch's."""


def test_a_class_of_torchs_data_sets_is_the_choice_for_such(own_place: Path) -> None:
    assert words_of({"data": partial(Examples, root=own_place / "a b")}) == [
        "data=dataset",
        f"data.dataset={{_target_: {__name__}.Examples,root: '{own_place}/a b'}}",
        "data.name=Examples",
    ]


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"model": lambda shape, likelihood: None}, "write it into a file beside conf/"),
        ({"model": partial(mlp, 3)}, "by their names"),
        ({"schedule": object()}, "of type object"),
        ({"objective.weight": ()}, "is empty"),
        ({"model": np.zeros(3)}, "only data may be one"),
    ],
)
def test_what_cannot_be_written_is_one_line(choices: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as raised:
        words_of(choices)
    assert "\n" not in str(raised.value)


def test_an_array_is_written_once_for_each_content(own_place: Path) -> None:
    x = np.zeros((4, 8, 8), np.float32)
    first, again = words_of({"data": x}), words_of({"data": torch.from_numpy(x)})
    assert first == again != words_of({"data": x + 1})
    assert len(list((own_place / "runs/arrays").iterdir())) == 2
