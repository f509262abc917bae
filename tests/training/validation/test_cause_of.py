"""Six runs that collapse, three by their weight and three by their optimisation, named rightly."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from betafront.data import digits
from betafront.errors import UserError
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
from betafront.training import Result, Run, Trainer, fit_one
from betafront.training.cause import OPTIMISATION, WEIGHT, Cause
from betafront.training.validation import cause_of

MakeRun = Callable[..., Run]
SQUARED_ERROR = partial(Gaussian, mode="fixed", sigma=1.0)
BINARY = digits(limit=200, binarize=0.5)


def strong(lr: float = 0.1) -> Any:
    return partial(torch.optim.Adam, lr=lr)


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
    "a strong learning rate": {"make_optimizer": strong(), "architecture": network(16, 16)},
    "a strong learning rate, of binary pixels": {
        "make_optimizer": strong(),
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
    assert found.weight_live == pytest.approx(result.scale.weight * found.beta_live / found.beta)
    assert Result.load(tmp_path).standing == result.standing


def test_mean_on_both_has_beta_n_over_m(make_run: MakeRun, tmp_path: Path) -> None:
    name, parts = next(iter(BY_WEIGHT.items()))
    found = cause(trained(make_run, tmp_path, **parts))
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
