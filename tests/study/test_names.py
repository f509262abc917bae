"""What a study may be called, and how it is named on a command line."""

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from betafront.config.overrides import parse
from betafront.errors import UserError
from betafront.front.decision.commands import as_written
from betafront.study.spec_of_config import study_name

Command = Callable[..., Any]
NAMES = [
    "my study", "größe β", "-x", "a=b", "null", "it's", '"quoted"', "<b>$x$ & \\", "[red]", "a:b",
    "100%", "#1?", "a\\'b\\", "123", "true", "x" * 255, "ß" * 127,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_was_written(name: str) -> None:
    assert study_name(name) == name
    (override,) = parse([f"study.name={as_written(name)}"])
    assert override.value() == name


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (None, "study.name='null'"),
        ("", "names a folder"),
        (" ", "names a folder"),
        ("a/b", "leave out /"),
        ("..", "leave out /"),
        ("a\nb", "line breaks"),
        ("\udcff", "line breaks"),
        ("x" * 256, "has 256 bytes"),
        ("ß" * 128, "has 256 bytes"),
    ],
)
def test_what_is_no_name_is_refused_with_the_way_out(written: str | None, why: str) -> None:
    with pytest.raises(UserError, match=r"study\.name") as caught:
        study_name(written)
    assert why in str(caught.value)


@pytest.mark.parametrize("name", ["train", "Train", "mlflow.db"])
@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_a_new_study_is_not_called_as_what_lies_beside_it(
    betafront: Command, fast: tuple[str, ...], name: str, how: tuple[str, ...]
) -> None:
    said = betafront("sweep", *how, *fast, "objective.weight=1,2", f"study.name={name}")
    assert said.code == 2
    assert "lies in the runs folder: choose another name" in said.err


WATCHED = ("callbacks=[lr_monitor]", "loggers=[csv]")  # a run that is run again has no loggers
STUDY = ("objective.weight=1,2", "study.budget.trials=2", *WATCHED)


@pytest.mark.parametrize("name", ["my größe", "-x", "a=b"])
def test_the_commands_that_are_printed_are_those_that_work(
    swept: Command, betafront: Command, fast: tuple[str, ...], name: str
) -> None:
    said = swept(*STUDY, *fast, f"study.name={as_written(name)}")
    assert said.code == 0, said.err
    (status,) = [line for line in said.out.splitlines() if "betafront status" in line]
    words = shlex.split(status[status.index("betafront ") :])
    assert words[0] == "betafront"
    again = betafront(*words[1:], "--json") if "--" not in words else betafront(*words[1:])
    assert again.code == 0, again.err
    assert name in again.out
    assert betafront("evaluate", "--trial", "0", "--", name, "metrics=latent").code == 0
    went = betafront("worker", "--", name)
    assert went.code == 0, went.err
    rerun = betafront("train", "--trial", "0", "--study", name)
    assert "bit for bit" in rerun.out
