"""The columns of a table of trials: parameters, facts and metrics, whatever they are called."""

import pandas as pd
import pytest

from betafront.config.parts import PARTS
from betafront.front import Facts, decide, trials_table
from betafront.front.table import ACTIVE, DISTORTION, ELBO, MSE, RATE, SCALE, head, is_metric, label


@pytest.mark.parametrize("key", ["model/width", "schedule/shape@schedule", "model/val/rate"])
def test_a_searched_group_is_no_metric(table: pd.DataFrame, facts: Facts, key: str) -> None:
    searched = table.assign(**{key: 8.0})
    assert key not in decide(searched, facts)[0].metrics
    assert "val/rate" in decide(searched, facts)[0].metrics
    assert head(key) == label(key) == key


def test_nothing_that_can_be_searched_and_no_fact_is_called_like_a_metric(
    table: pd.DataFrame,
) -> None:
    assert not any(is_metric(f"{part}{sign}rate") for part in PARTS for sign in "/.@")
    facts = {"trial", "folder", "standing", "falling", "replicates", "seconds", *SCALE}
    assert not any(map(is_metric, facts))
    metrics = {column for column in trials_table(table.to_dict("records")) if is_metric(column)}
    assert metrics == {RATE, DISTORTION, ELBO, MSE, ACTIVE}
