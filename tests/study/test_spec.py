"""Which objectives compare likelihoods, on which data, and what makes a study another one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from betafront.config.parts import PARTS
from betafront.study.search.space import Space
from betafront.study.spec_of_config import base

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
    assert "there is elbo" in betafront("export", "--at", "none").err
    assert len(list(own_place.glob("runs/*/trial-*/result.json"))) == 3


def test_cross_entropy_has_no_place_among_them(betafront: Command) -> None:
    said = betafront(
        "sweep", "likelihood=gaussian,bernoulli", "data.dequantize=true", ELBO,
        "hydra/launcher=basic",
    )  # fmt: skip
    assert said.code == 2
    assert "likelihood=bernoulli has no place" in said.err
    assert "likelihood=categorical" in said.err


def test_where_images_and_labels_lie_does_not_decide_which_study_it_is() -> None:
    def settings(**data: Any) -> dict[str, Any]:
        nodes: dict[str, Any] = {part: {} for part in PARTS}
        config = OmegaConf.create(nodes | {"data": {"val": 0.1} | data})
        return base(config, Space.parse([]))

    assert settings(path="a.npy", labels="b.npy") == settings(path="c.npy") == {"data.val": 0.1}
