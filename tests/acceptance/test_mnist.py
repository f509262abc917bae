"""The default study on real MNIST."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from betafront.training.pictures.pages import PAGES


@pytest.mark.slow
def test_distortion_falls_and_rate_rises_as_beta_falls(
    betafront: Callable[..., Any], own_place: Path, mnist_folder: str
) -> None:
    said = betafront(
        "sweep", "study=weighting", "data=mnist", "model=mlp", "hydra/launcher=basic",
        "study.sampler=grid", "objective.weight=0.05,0.4,3,25,200", "schedule=constant",
        "normalisation=sum", "study.budget.trials=5", "trainer.steps=300", "tracking=off",
    )  # fmt: skip
    assert said.code == 0, said.err
    out = said.out
    assert "Decision" in out
    # 300 steps are less than an epoch, and leave too few validations to say how the runs stand.
    assert "have too short a history to say whether they have settled" in " ".join(out.split())
    table = pd.read_csv(own_place / "runs/weighting-mnist/report/front.csv").sort_values("beta")
    assert len(table) == 5
    # Neighbours in β a factor of 8 apart differ by nats, single runs of one β by less than half a
    # nat in R and two in D.
    assert table["val/rate"].diff().dropna().max() < 0.5
    assert table["val/distortion"].diff().dropna().min() > -2.0
    assert table["val/rate"].iloc[0] > table["val/rate"].iloc[-1] + 5
    drawn = [path.parent for path in own_place.glob("runs/*/trial-*/pictures/training.png")]
    assert drawn  # of the trials of the front
    for pictures in drawn:
        assert all((pictures / page).stat().st_size > 10_000 for page in PAGES)
