"""Runs that are trained with several draws of z per example: how they are validated and kept."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from betafront.config.build import check
from betafront.data import Images
from betafront.errors import UserError
from betafront.metrics.iwae import weigh
from betafront.models import VAE, mlp
from betafront.objective import MMD, Draw, Gaussian, Objective, normalisation
from betafront.objective.importance import bound
from betafront.training import Halted, Run, RunFolder, fit_one
from betafront.training.history import TRAIN_LOSS, VAL_BOUND, VAL_DISTORTION, VAL_RATE
from betafront.training.standing import UNKNOWN
from betafront.training.validation.validations import validate

MakeRun = Callable[..., Run]
LEARNED = partial(Gaussian, mode="learned")


@pytest.fixture
def three(make_run: MakeRun) -> MakeRun:
    """Runs of 15 steps, which are validated five times, with three draws at β = 0.5."""
    return partial(make_run, steps=15, likelihood=LEARNED, draws=3, weight=0.5)


class WithoutRatio(VAE):
    """A model of a user's who has not thought of log_ratio."""

    def draw(self, *args: Any, **how: Any) -> Draw:
        return super().draw(*args, **how)._replace(log_ratio=None)


def test_the_best_step_is_that_of_the_least_bound(three: MakeRun, tmp_path: Path) -> None:
    run = three(normalisation=normalisation("pixel_mean"), weight=0.5 / 64)
    run = replace(run, trainer=replace(run.trainer, keep="best"))
    result = fit_one(run, tmp_path)
    assert (result.scale.draws, result.scale.beta) == (3, 0.5)
    bounds = [row[VAL_BOUND] for row in result.history]
    saved = torch.load(RunFolder(tmp_path).last, weights_only=True)
    assert saved["best"]["value"] == min(bounds)
    assert result.standing is not None
    assert result.standing.step == result.history[bounds.index(min(bounds))]["step"]
    assert result.standing.state == UNKNOWN or "the bound of 3 draws" in result.standing.reason
    for row in result.history:  # one draw and its rate in closed form bound it from above
        assert row[VAL_BOUND] < row[VAL_DISTORTION] + 0.5 * row[VAL_RATE]
    last = result.history[-1]
    # the mean of three batches of training, beside validation: digits alike, and as a sum over N
    assert last[TRAIN_LOSS] * 64 == pytest.approx(last[VAL_BOUND], abs=15)
    assert result.standing.gap == pytest.approx(last[VAL_BOUND] - 64 * last[TRAIN_LOSS], rel=1e-5)


def test_a_run_that_was_stopped_ends_with_the_bits_of_one_that_was_not(
    three: MakeRun, tmp_path: Path
) -> None:
    run = partial(three, penalties=(MMD(10.0),))
    whole = fit_one(run(), tmp_path / "whole")
    halts = iter([False, True])
    with pytest.raises(Halted):
        fit_one(run(), tmp_path / "halted", halt=lambda: next(halts))
    resumed = fit_one(run(), tmp_path / "halted")
    assert (resumed.metrics, resumed.history) == (whole.metrics, whole.history)
    assert resumed.standing == whole.standing
    model = [RunFolder(tmp_path / name).model.read_bytes() for name in ("whole", "halted")]
    assert model[0] == model[1]


def test_validation_is_as_with_one_draw_and_has_the_bound_beside_it(small_digits: Images) -> None:
    torch.manual_seed(0)
    vae = mlp((1, 8, 8), LEARNED(), latents=2, hidden=(8,))
    batches = small_digits.val.split(16)

    def found(draws: int, **parts: Any) -> Any:
        objective = Objective(0.5, normalisation("sum"), 64, 2, draws=draws, **parts)
        return validate(vae, batches, torch.Generator().manual_seed(3), objective)

    one, five = found(1), found(5)
    assert one.judged is None
    assert torch.equal(one.distortion, five.distortion) and torch.equal(one.rate, five.rate)
    noise = torch.Generator().manual_seed(3)
    with torch.no_grad():
        by_hand = torch.cat([bound(weigh(vae.eval(), x, 5, noise, 0.5)) for x in batches])
    assert torch.equal(five.judged, by_hand)
    assert five.judged.mean() < (one.distortion + 0.5 * one.rate).mean()


def test_what_cannot_weigh_its_draws_is_refused_before_training(
    three: MakeRun, tmp_path: Path
) -> None:
    def without(shape: Any, likelihood: Any) -> VAE:
        made = mlp(shape, likelihood, latents=2, hidden=(8,))
        return WithoutRatio(made.encoder, made.decoder, likelihood, 2)

    said = r"^model: draw of WithoutRatio gives no log_ratio, which objective\.draws=\d needs$"
    with pytest.raises(UserError, match=said):
        check(three(architecture=without))
    check(three(architecture=without, draws=1))
    for refused in (check, partial(fit_one, folder=tmp_path)):
        with pytest.raises(UserError, match=r"^objective\.draws=3 .*use likelihood\.mode=learned"):
            refused(three(likelihood=Gaussian))
