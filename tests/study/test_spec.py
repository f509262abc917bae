"""Which objectives compare likelihoods, and on which data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

DENSITIES = "likelihood=gaussian,continuous_bernoulli"
ELBO = "study.objectives=[val/negative_elbo,val/mse]"


@pytest.mark.parametrize("objective", ["distortion", "negative_elbo", "bits_per_dim"])
def test_likelihoods_are_not_compared_in_other_units(betafront: Command, objective: str) -> None:
    said = betafront(
        "sweep", DENSITIES, f"study.objectives=[val/rate,val/{objective}]", "hydra/launcher=basic"
    )
    assert said.code == 2
    assert f"val/{objective} of a density cannot be compared" in said.err
    assert "study.objectives=[val/rate,val/mse], or data.dequantize=true" in said.err


def test_on_dequantised_data_they_are_and_there_is_a_best_elbo(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = betafront(
        "sweep", "likelihood=laplace,beta,categorical", "data.dequantize=true", ELBO,
        "study.sampler=grid", "study.budget.trials=3", *fast,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "best ELBO" in said.out
    assert len(list(own_place.glob("runs/*/trial-*/result.json"))) == 3


def test_cross_entropy_has_no_place_among_them(betafront: Command) -> None:
    said = betafront(
        "sweep", "likelihood=gaussian,bernoulli", "data.dequantize=true", ELBO,
        "hydra/launcher=basic",
    )  # fmt: skip
    assert said.code == 2
    assert "likelihood=bernoulli has no place" in said.err
    assert "likelihood=categorical" in said.err
