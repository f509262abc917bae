"""The whole stack against an exact answer: a linear VAE on Gaussian data.

With a Gaussian likelihood the optimum of D + β·R is reverse water-filling of the eigenvalues λ of
the data's covariance at the level θ = β·σ² (Lucas et al. 2019): a latent is active where λ > θ and
then has a rate of ½ ln(λ/θ), and an eigenvalue leaves the expected squared error min(λ, θ), with z
drawn from the posterior; one beyond the M latents leaves all of λ.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.data import Images
from betafront.metrics import evaluate
from betafront.models import linear
from betafront.objective import Gaussian, Likelihood, Objective, normalisation
from betafront.training import Result, Run, Trainer, fit

EIGENVALUES = np.array([8, 4, 2, 1, 0.5, 0.25, 0.1, 0.05])
N = len(EIGENVALUES)
EXAMPLES, STEPS = 4000, 1000

# Two errors remain. The squared error is a mean over 4000 · 16 draws of z, whose standard error is
# at most √(2 / 64000) = 0.6 % of it (one degree of freedom; there are several). The gradients carry
# the noise of z, but the learning rate brings the optimiser to rest where the loss is flat.
CLOSE = 0.01


@dataclass
class Optimum:
    """Reverse water-filling at the level θ with M latents."""

    level: float
    latents: int

    @property
    def rates(self) -> np.ndarray:
        """Of the latents, largest first."""
        return 0.5 * np.log(np.maximum(EIGENVALUES[: self.latents] / self.level, 1))

    @property
    def squared_error(self) -> float:
        kept, dropped = np.split(EIGENVALUES, [self.latents])
        return float(np.minimum(kept, self.level).sum() + dropped.sum())

    @property
    def active_units(self) -> int:
        return int((EIGENVALUES[: self.latents] > self.level).sum())


@pytest.fixture(scope="module")
def images() -> Images:
    """Data whose own mean is 0 and whose own covariance has exactly these eigenvalues."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((EXAMPLES, N))
    x -= x.mean(0)
    whitening = np.linalg.inv(np.linalg.cholesky(x.T @ x / EXAMPLES)).T
    rotation, _ = np.linalg.qr(rng.standard_normal((N, N)))
    x = x @ whitening * np.sqrt(EIGENVALUES) @ rotation.T
    covariance = x.T @ x / EXAMPLES
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance)[::-1], EIGENVALUES, rtol=1e-10)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() > 0.1  # it is rotated
    pixels = torch.tensor(x, dtype=torch.float32).view(EXAMPLES, 1, 2, 4)
    return Images("gaussian", train=pixels, val=pixels, test=pixels)


def coming_to_rest(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Adam whose learning rate falls to 0 along a cosine."""
    optimizer = torch.optim.Adam(parameters, lr=0.1)
    taken = 0

    def slow_down(*_: Any) -> None:
        nonlocal taken
        taken += 1
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * taken / STEPS))

    optimizer.register_step_post_hook(slow_down)
    return optimizer


def trained(
    images: Images,
    folder: Path,
    likelihood: Callable[[], Likelihood],
    *,
    beta: float = 1.0,
    latents: int = 6,
    name: str = "sum",
    steps: int = STEPS,
    **weighting: Any,
) -> Result:
    convention = normalisation(name)
    run = Run(
        images=images,
        architecture=partial(linear, latents=latents),
        likelihood=likelihood,
        make_objective=partial(
            Objective, convention.weight(beta, N, latents), convention, **weighting
        ),
        make_optimizer=coming_to_rest,
        trainer=Trainer(steps=steps, batch_size=EXAMPLES, accelerator="cpu"),
        evaluate=partial(evaluate, samples=16),
        seed=0,
    )
    return fit(run, folder)


@pytest.mark.parametrize(
    ("beta", "variance", "latents", "name"),
    [
        (1.0, 0.3, 6, "sum"),
        (4.0, 0.3, 6, "mean"),
        (0.5, 0.3, 6, "pixel_mean"),
        (2.0, 0.3, 8, "beta_norm"),
        (0.25, 1.2, 6, "beta_norm"),
    ],
)
def test_a_fixed_sigma_fills_to_beta_times_its_square(
    images: Images, tmp_path: Path, beta: float, variance: float, latents: int, name: str
) -> None:
    likelihood = partial(Gaussian, sigma=math.sqrt(variance), mode="fixed")
    result = trained(images, tmp_path, likelihood, beta=beta, latents=latents, name=name)
    optimum = Optimum(beta * variance, latents)

    assert result.scale["beta"] == pytest.approx(beta, rel=1e-12)  # float64
    squared_error = N * result.metrics["val/mse"]
    assert squared_error == pytest.approx(optimum.squared_error, rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)
    assert result.metrics["val/active_units"] == optimum.active_units
    # The same draws give the distortion, with every constant; sums in float32.
    distortion = 0.5 * (squared_error / variance + N * math.log(2 * math.pi * variance))
    assert result.metrics["val/distortion"] == pytest.approx(distortion, rel=1e-5)


def test_every_active_latent_has_the_rate_of_its_eigenvalue(images: Images, tmp_path: Path) -> None:
    likelihood = partial(Gaussian, sigma=math.sqrt(0.3), mode="fixed")
    result = trained(images, tmp_path, likelihood, beta=4.0)
    optimum = Optimum(1.2, latents=6)
    # The loss is flat in the angle between two latents; 0.15 radians there are 0.01 nats of rate.
    assert sorted(result.spectrum, reverse=True) == pytest.approx(optimum.rates, abs=0.01)


@pytest.mark.parametrize("mode", ["optimal", "learned"])
def test_a_free_sigma_finds_the_mean_of_what_is_dropped(
    images: Images, tmp_path: Path, mode: str
) -> None:
    result = trained(images, tmp_path, partial(Gaussian, mode=mode))
    variance = EIGENVALUES[6:].mean()  # probabilistic PCA: 0.075, where σ = 1 was the start
    optimum = Optimum(variance, latents=6)
    assert result.scale["sigma"] ** 2 == pytest.approx(variance, rel=CLOSE)
    assert N * result.metrics["val/mse"] == pytest.approx(optimum.squared_error, rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)
    assert result.metrics["val/active_units"] == 6
    # There the ELBO is tight: D + R is the data's negative log-likelihood under that model.
    model = np.maximum(EIGENVALUES, variance)
    model[6:] = variance
    evidence = 0.5 * (np.log(2 * math.pi * model) + EIGENVALUES / model).sum()
    assert result.metrics["val/negative_elbo"] == pytest.approx(evidence, rel=CLOSE)
