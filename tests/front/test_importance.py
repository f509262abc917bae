import numpy as np
import pandas as pd
import pytest

from betafront.front.importance import importance


@pytest.fixture
def table() -> pd.DataFrame:
    """`y` is decided by `a` alone, `noise` by nothing; `c` is there for half of the trials."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 200))
    word = rng.choice(["x", "y", "z"], 200)
    c = np.where(word == "x", rng.uniform(size=200), np.nan)
    columns = {
        "a": a,
        "b": b,
        "word": word,
        "c": c,
        "y": np.sin(3 * a),
        "noise": rng.normal(size=200),
    }
    columns["both"] = a + (word == "z")
    return pd.DataFrame(columns)


def test_what_decides_has_the_share(table: pd.DataFrame) -> None:
    (one,) = importance(table, ["a", "b", "word", "c"], ["y"])
    assert one.shares["a"] > 0.95
    assert sum(one.shares.values()) == pytest.approx(1)
    assert one.explained > 0.95


def test_words_count_as_numbers_do(table: pd.DataFrame) -> None:
    (one,) = importance(table, ["a", "b", "word"], ["both"])
    assert one.shares["word"] > one.shares["a"] > one.shares["b"]


def test_what_nothing_explains_is_left_out(table: pd.DataFrame) -> None:
    assert importance(table, ["a", "b"], ["noise"]) == []
    assert importance(table.assign(y=1.0), ["a", "b"], ["y"]) == []


def test_few_trials_and_constant_parameters_say_nothing(table: pd.DataFrame) -> None:
    assert importance(table.head(9), ["a"], ["y"]) == []
    assert importance(table.assign(a=1.0), ["a"], ["y"]) == []
