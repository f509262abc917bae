"""What is said of a confirmation beside the decision, and when it no longer holds."""

import json
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from betafront.front.decision.confirmation.confirmed import (
    Confirmation,
    confirmation_lines,
    confirmation_record,
    confirmation_word,
    is_confirmed,
)
from betafront.front.decision.confirmation.levels import Noise, Tested
from betafront.front.decision.confirmation.verdict import verdict

TABLE = pd.DataFrame({"trial": [3, 5, 7], "replicates": [2, 2, 2]})


def advice(trial: int = 7, name: str = "best ELBO") -> Any:
    return [SimpleNamespace(name=name, trial=trial)]


def confirmation(*values: float) -> Confirmation:
    """That of a decision for β = 1, with the D + R at half, once and twice this β."""
    rows = [Tested(b, 0, 800, v) for b, v in zip((0.5, 1.0, 2.0), values, strict=True)]
    found = verdict("best ELBO", 7, 1.0, (0.5, 2.0), rows, Noise(0.1, 20.0))
    return Confirmation((found,), 3, 6, 3, 2400, 7200, "the replicates", ("knee (trial 3): why",))


STANDS, MOVES, ALIKE = (3.0, 0.0, 3.0), (3.0, 0.0, -3.0), (3.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "word", "begins"),
    [
        (STANDS, "confirmed", "Confirmed: best ELBO: β = 1 stands: "),
        (MOVES, "moves to β ≈ 2 or beyond", "Not confirmed: best ELBO: β = 1 moves to β ≈ 2"),
        (
            ALIKE,
            "cannot be told apart from β = 2",
            "Not confirmed: best ELBO: β = 1 cannot be told apart from β = 2: ",
        ),
    ],
)
def test_the_word_confirmed_is_for_a_decision_that_stands(
    values: tuple[float, ...], word: str, begins: str
) -> None:
    found = confirmation(*values)
    assert confirmation_word(found, TABLE, advice()) == word
    lines = confirmation_lines(found, TABLE, advice())
    assert lines[0].startswith(begins)
    assert lines[1:] == ["Not tested: knee (trial 3): why."]
    written = confirmation_record(found, TABLE, advice())
    assert (
        (written["confirmed"] is not None)
        == (values is STANDS)
        == is_confirmed(found, TABLE, advice())
    )
    assert written["confirmation"]["outdated"] == ""


def test_a_study_that_was_never_put_to_the_test_says_nothing() -> None:
    assert confirmation_word(None, TABLE, advice()) == ""
    assert confirmation_lines(None, TABLE, advice()) == []
    assert confirmation_record(None, TABLE, advice()) == {"confirmed": None, "confirmation": None}


@pytest.mark.parametrize(
    ("table", "advised", "why"),
    [
        (TABLE, advice(trial=5), "that was best ELBO at β = 1 (trial 7)"),
        (TABLE, advice(name="knee"), "that was best ELBO at β = 1 (trial 7)"),
        (TABLE, [], "that was best ELBO"),
        (pd.concat([TABLE, TABLE]), advice(), "had 3 trials of 6 runs then, and has 6 of 12 now"),
        (TABLE.assign(replicates=3), advice(), "had 3 trials of 6 runs then, and has 3 of 9 now"),
    ],
)
def test_a_decision_whose_trials_have_changed_is_no_longer_confirmed(
    table: pd.DataFrame, advised: Any, why: str
) -> None:
    found = confirmation(*STANDS)
    assert confirmation_word(found, table, advised) == "no longer confirmed"
    (line,) = confirmation_lines(found, table, advised)
    assert line.startswith("The decision is no longer confirmed: ")
    assert why in line
    written = confirmation_record(found, table, advised)
    assert written["confirmed"] is None
    assert written["confirmation"]["outdated"] == line


def test_a_confirmation_is_written_and_read() -> None:
    found = confirmation(*STANDS)
    assert Confirmation.read(json.loads(json.dumps(found.written()))) == found
