"""Six runs that collapse, three by their weight and three by their optimisation, named rightly."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from betafront.data import digits
from betafront.errors import UserError
from betafront.forecast.collapse import collapse
from betafront.models import mlp
from betafront.objective import (
    GECO,
    Bernoulli,
    Capacity,
    FreeBits,
    Gaussian,
    TotalCorrelation,
    normalisation,
)
from betafront.training import OnTheScale, Result, Run, fit_one
from betafront.training.cause import OPTIMISATION, WEIGHT, Cause
from betafront.training.history import VAL_RATE
from betafront.training.standing import Standing
from betafront.training.validation import cause_of

MakeRun = Callable[..., Run]
SQUARED_ERROR = partial(Gaussian, mode="fixed", sigma=1.0)
BINARY = digits(limit=200, binarize=0.5)


def network(*hidden: int, latents: int = 2) -> Any:
    return partial(mlp, latents=latents, hidden=hidden)


BY_WEIGHT: dict[str, dict[str, Any]] = {
    # The question that betafront begins with: a mean over the pixels, and a mean over the latents.
    "mean on both, of squared errors": {
        "normalisation": normalisation("mean"),
        "likelihood": SQUARED_ERROR,
        "architecture": network(16, latents=8),
    },
    "mean on both, of an optimal σ": {"normalisation": normalisation("mean")},
    "a large β of binary pixels": {"weight": 20.0, "data": BINARY, "likelihood": Bernoulli},
}
BY_OPTIMISATION: dict[str, dict[str, Any]] = {
    "a strong learning rate": {"make_optimizer": partial(torch.optim.SGD, lr=0.05)},
    "a strong learning rate, of binary pixels": {
        "make_optimizer": partial(torch.optim.Adam, lr=0.1),
        "architecture": network(16, 16),
        "data": BINARY,
        "likelihood": Bernoulli,
    },
    "a deep model": {"architecture": network(*[16] * 8)},
}


def trained(make_run: MakeRun, folder: Path, **parts: Any) -> Result:
    return fit_one(make_run(steps=100, **parts), folder)


def cause(result: Result) -> Cause | None:
    assert result.standing is not None and result.standing.state == "collapsed"
    return result.standing.cause


@pytest.mark.parametrize("name", BY_WEIGHT)
def test_a_weight_that_is_too_large(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    result = trained(make_run, tmp_path, **BY_WEIGHT[name])
    found = cause(result)
    assert found is not None and found.cause == WEIGHT
    assert found.beta == result.scale.beta > 1.5 * found.beta_c
    # The weight that would be alive is written as the one that was not.
    assert found.weight_live == pytest.approx(
        result.scale.weight * min(found.beta_live, found.val_beta_live) / found.beta
    )
    assert Result.load(tmp_path).standing == result.standing


def test_mean_on_both_has_beta_n_over_m(make_run: MakeRun, tmp_path: Path) -> None:
    found = cause(trained(make_run, tmp_path, **next(iter(BY_WEIGHT.values()))))
    assert found is not None and found.beta == 64 / 8
    # Of squared errors with σ = 1, β_c is the greatest eigenvalue of the data's covariance.
    x = make_run().data.examples("train").flatten(1).double()
    first = torch.linalg.eigvalsh(torch.cov(x.T, correction=0))[-1]
    assert found.beta_c == pytest.approx(float(first), rel=1e-4)


@pytest.mark.parametrize("name", BY_OPTIMISATION)
def test_an_optimisation_that_goes_wrong(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    found = cause(trained(make_run, tmp_path, **BY_OPTIMISATION[name]))
    assert found is not None and found.cause == OPTIMISATION
    assert found.beta == 1.0 < 0.25 * found.beta_c


def test_the_same_loss_is_alive_where_it_is_trained_well(make_run: MakeRun, tmp_path: Path) -> None:
    gentle = {"make_optimizer": partial(torch.optim.SGD, lr=0.01)}
    parts = BY_OPTIMISATION["a strong learning rate"] | gentle
    standing = trained(make_run, tmp_path, **parts).standing
    assert standing is not None and standing.state != "collapsed" and standing.cause is None


STOOD = Standing("collapsed", "why", step=100, steps=100, kept="last")
SCALE = OnTheScale(1.0, "sum", 1.0, None, 0.1, None, 64, 2)


def named(
    run: Run, standing: Standing = STOOD, rate: float = 0.0, shape: tuple[int, ...] = (2,)
) -> Cause | None:
    """The cause of a run that ended with such a rate and code."""
    objective = run.objective([math.prod(shape)])
    vae = SimpleNamespace(latent_shape=shape)
    state: Any = SimpleNamespace(objective=objective, vae=vae, history=[{VAL_RATE: rate}])
    scale = replace(SCALE, beta=50.0 if objective.controller.closed else objective.beta)
    return cause_of.with_cause(standing, state, run, scale).cause


@pytest.mark.parametrize(
    ("changed", "small", "large"),
    [
        ({}, OPTIMISATION, WEIGHT),
        ({"shaping": FreeBits(nats=0.5)}, OPTIMISATION, None),
        ({"shaping": Capacity(nats=5.0)}, None, None),
        ({"penalties": [TotalCorrelation(weight=1.0)]}, None, None),
        ({"controller": GECO(target=0.02, watches="mse")}, WEIGHT, WEIGHT),
    ],
)
def test_what_a_weighting_leaves_to_be_said(
    make_run: MakeRun, changed: dict[str, Any], small: str | None, large: str | None
) -> None:
    for weight, expected in ((1.0, small), (50.0, large)):
        found = named(make_run(weight=weight, **changed))
        assert (found and found.cause) == expected
        if found and "controller" in changed:
            assert (found.beta, found.weight_live) == (50.0, None)


def test_several_draws_and_spatial_codes(make_run: MakeRun) -> None:
    drawn = make_run(weight=0.9, draws=5, likelihood=partial(Gaussian, mode="learned"))
    found = named(drawn)
    assert found is not None and found.cause == OPTIMISATION
    spatial = (named(make_run(weight=w), shape=(2, 4, 4)) for w in (1.0, 50.0))
    assert [found and found.cause for found in spatial] == [None, WEIGHT]


def test_nothing_is_forecast_for_a_run_that_lives(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a forecast")

    monkeypatch.setattr(cause_of, "collapsed_model", never)
    assert named(make_run(), replace(STOOD, state="settled")) is None
    assert named(make_run(), rate=3.0) is None  # an early step was kept of a run that lives


def test_data_and_likelihood_are_looked_at_once(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def counted(*arguments: Any) -> Any:
        seen.append(arguments)
        return collapse(*arguments)

    monkeypatch.setattr(cause_of, "collapse", counted)
    monkeypatch.setattr(cause_of, "_found", OrderedDict())
    for sigma in (1.0, 0.5, 1.0):
        fixed = partial(Gaussian, mode="fixed", sigma=sigma)
        assert named(make_run(likelihood=fixed)) is not None
    assert len(seen) == 2
    state = torch.get_rng_state()
    assert named(make_run(data=BINARY, likelihood=Bernoulli)) is not None
    assert len(seen) == 3 and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("error", [UserError("all training examples are equal"), TypeError("own")])
def test_a_forecast_that_fails_costs_no_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(cause_of, "collapse", fails)
    monkeypatch.setattr(cause_of, "_found", OrderedDict())
    assert named(make_run()) is None
