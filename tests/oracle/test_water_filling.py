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
from scipy.optimize import brentq
from torch import Tensor

from betafront.data import Images
from betafront.forecast.forecast import forecast
from betafront.metrics import evaluate
from betafront.models import linear, multirate
from betafront.objective import (
    GECO,
    Capacity,
    ControlVAE,
    FreeBits,
    Gaussian,
    Likelihood,
    Linear,
    Objective,
    Shaping,
    normalisation,
)
from betafront.training import Result, Run, Trainer, fit_one
from betafront.training.standing import SETTLED

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


def coming_to_rest(
    steps: int, parameters: Iterable[Tensor], rate: float = 0.1
) -> torch.optim.Optimizer:
    """Adam whose learning rate falls to 0 along a cosine."""
    optimizer = torch.optim.Adam(parameters, lr=rate)
    taken = 0

    def slow_down(*_: Any) -> None:
        nonlocal taken
        taken += 1
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * taken / steps))

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
        data=images,
        architecture=partial(linear, latents=latents),
        likelihood=likelihood,
        make_objective=partial(
            Objective, convention.weight(beta, N, latents), convention, **weighting
        ),
        make_optimizer=partial(coming_to_rest, steps),
        trainer=Trainer(steps=steps, batch_size=EXAMPLES, accelerator="cpu"),
        evaluate=partial(evaluate, samples=16),
        seed=0,
    )
    return fit_one(run, folder)


@pytest.mark.parametrize(
    ("beta", "variance", "latents", "name"),
    [
        (1.0, 0.3, 6, "sum"),
        (4.0, 0.3, 6, "mean"),
        pytest.param(0.5, 0.3, 6, "pixel_mean", marks=pytest.mark.slow),
        (2.0, 0.3, 8, "beta_norm"),
        pytest.param(0.25, 1.2, 6, "beta_norm", marks=pytest.mark.slow),
    ],
)
def test_a_fixed_sigma_fills_to_beta_times_its_square(
    images: Images, tmp_path: Path, beta: float, variance: float, latents: int, name: str
) -> None:
    likelihood = partial(Gaussian, sigma=math.sqrt(variance), mode="fixed")
    result = trained(images, tmp_path, likelihood, beta=beta, latents=latents, name=name)
    optimum = Optimum(beta * variance, latents)

    assert result.scale.beta == pytest.approx(beta, rel=1e-12)  # float64
    squared_error = N * result.metrics["val/mse"]
    assert squared_error == pytest.approx(optimum.squared_error, rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)
    assert result.metrics["val/active_units"] == optimum.active_units
    assert result.standing is not None and result.standing.state == SETTLED
    assert result.standing.dead is not None
    assert len(result.standing.dead) == latents - optimum.active_units
    if beta == 4:
        # Every active latent has the rate of its eigenvalue. The loss is flat in the angle between
        # two latents; 0.15 radians there are 0.01 nats of rate.
        assert sorted(result.spectrum, reverse=True) == pytest.approx(optimum.rates, abs=0.01)
    # The same draws give the distortion, with every constant; sums in float32.
    distortion = 0.5 * (squared_error / variance + N * math.log(2 * math.pi * variance))
    assert result.metrics["val/distortion"] == pytest.approx(distortion, rel=1e-5)


@pytest.mark.parametrize("mode", ["optimal", "learned"])
def test_a_free_sigma_finds_the_mean_of_what_is_dropped(
    images: Images, tmp_path: Path, mode: str
) -> None:
    result = trained(images, tmp_path, partial(Gaussian, mode=mode))
    variance = EIGENVALUES[6:].mean()  # probabilistic PCA: 0.075, where σ = 1 was the start
    optimum = Optimum(variance, latents=6)
    assert result.scale.sigma**2 == pytest.approx(variance, rel=CLOSE)
    assert N * result.metrics["val/mse"] == pytest.approx(optimum.squared_error, rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)
    assert result.metrics["val/active_units"] == 6
    # There the ELBO is tight: D + R is the data's negative log-likelihood under that model.
    model = np.maximum(EIGENVALUES, variance)
    model[6:] = variance
    evidence = 0.5 * (np.log(2 * math.pi * model) + EIGENVALUES / model).sum()
    assert result.metrics["val/negative_elbo"] == pytest.approx(evidence, rel=CLOSE)


# --- β found by the run ---------------------------------------------------------------------------

FIXED = partial(Gaussian, sigma=math.sqrt(0.3), mode="fixed")


def at(beta: float) -> Optimum:
    return Optimum(beta * 0.3, latents=6)


def distortion(optimum: Optimum) -> float:
    return 0.5 * (optimum.squared_error / 0.3 + N * math.log(2 * math.pi * 0.3))


# A loop brings what it holds to its target and β to the value there. What it sees has the noise of
# the draws of z, 0.6 % of the squared error at each step; it follows that by no more than
# 0.03 per step and nat, so that the mean of β over the last 100 steps is closer than `CLOSE`,
# which stands for the optimiser here as above.


@pytest.mark.parametrize(
    ("beta", "begin", "name"),
    [pytest.param(1.0, 0.25, "sum", marks=pytest.mark.slow), (4.0, 16.0, "mean")],
)
def test_geco_finds_the_beta_of_a_distortion(
    images: Images, tmp_path: Path, beta: float, begin: float, name: str
) -> None:
    optimum = at(beta)
    controller = GECO(distortion(optimum), speed=3e-3)
    result = trained(images, tmp_path, FIXED, beta=begin, name=name, controller=controller)
    assert result.scale.beta == pytest.approx(beta, rel=CLOSE)
    assert result.scale.beta_spread < CLOSE * beta  # it settled
    assert result.metrics["val/distortion"] == pytest.approx(distortion(optimum), rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)


def test_geco_finds_the_beta_of_a_squared_error(images: Images, tmp_path: Path) -> None:
    beta, begin = 4.0, 1.0
    optimum = at(beta)
    controller = GECO(optimum.squared_error / N, watches="mse", speed=3e-3)
    result = trained(images, tmp_path, FIXED, beta=begin, controller=controller)
    assert result.scale.beta == pytest.approx(beta, rel=CLOSE)
    assert N * result.metrics["val/mse"] == pytest.approx(optimum.squared_error, rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)


@pytest.mark.parametrize(
    ("beta", "begin", "ki"),
    [pytest.param(1.0, 0.25, 0.01, marks=pytest.mark.slow), (4.0, 16.0, 0.03)],
)
def test_controlvae_finds_the_beta_of_a_rate(
    images: Images, tmp_path: Path, beta: float, begin: float, ki: float
) -> None:
    optimum = at(beta)
    controller = ControlVAE(optimum.rates.sum(), ki=ki)
    result = trained(images, tmp_path, FIXED, beta=begin, controller=controller)
    assert result.scale.beta == pytest.approx(beta, rel=CLOSE)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)
    assert N * result.metrics["val/mse"] == pytest.approx(optimum.squared_error, rel=CLOSE)


# β read from the trained posterior has a standard error of 1 % (16 draws of z for each of 2,000
# images), of which three are allowed.
READ = 0.03


@pytest.mark.parametrize(
    ("shape", "weight", "beta"),
    [
        # γ is twice the β that is looked for. The more, the more its flips cost in distortion: at
        # a hundred times 9 %.
        (lambda nats: Capacity(nats, schedule=Linear(warmup=0.5)), 2.0, 1.0),
        # The rate as a whole is free up to C, which is more than it would be at 1.5 β: the same C.
        (lambda nats: FreeBits(nats, group=6), 1.5, 4.0),
    ],
    ids=["capacity", "free bits"],
)
def test_a_held_rate_has_the_multiplier_of_its_capacity(
    images: Images, tmp_path: Path, shape: Callable[[float], Shaping], weight: float, beta: float
) -> None:
    optimum = at(beta)
    shaping = shape(float(optimum.rates.sum()))
    result = trained(images, tmp_path, FIXED, beta=weight * beta, shaping=shaping)
    assert result.metrics["val/rate"] == pytest.approx(optimum.rates.sum(), rel=CLOSE)
    assert result.metrics["val/distortion"] == pytest.approx(distortion(optimum), rel=CLOSE)
    assert result.scale.beta == pytest.approx(beta, rel=READ)


def test_free_bits_beyond_what_is_free_are_paid_at_beta(images: Images, tmp_path: Path) -> None:
    # Up to 0.3 nats a latent costs nothing and can only help, so that none has less; beyond it each
    # nat costs β, so that a latent with more has the rate of its eigenvalue. (What the latents with
    # 0.3 nats tell about need not be the next eigenvalues, so that only D's improvement is sure.)
    result = trained(images, tmp_path, FIXED, beta=1.0, shaping=FreeBits(0.3))
    expected = np.maximum(at(1.0).rates, 0.3)
    assert expected.tolist().count(0.3) == 2
    assert sorted(result.spectrum, reverse=True) == pytest.approx(expected, abs=0.01)  # as above
    assert result.metrics["val/distortion"] < distortion(at(1.0)) - 0.1


# --- β beside a free σ ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    # At 0.5 σ is small, and the latents turn to the eigenvectors late: the rate is 0.8 % too large
    # after 1,000 steps and 0.01 % after 4,000.
    ("mode", "beta", "steps"),
    [
        pytest.param("optimal", 0.5, 3000, marks=pytest.mark.slow),
        ("optimal", 2.0, STEPS),
        ("learned", 2.0, STEPS),
    ],
)
def test_a_free_sigma_fills_to_beta_times_the_squared_error(
    images: Images, tmp_path: Path, mode: str, beta: float, steps: int
) -> None:
    """At the optimum σ² is the MSE, and so the level is θ = β · MSE(θ)."""

    def excess(variance: float) -> float:
        return Optimum(beta * variance, latents=6).squared_error / N - variance

    variance = brentq(excess, 1e-3, 2.0, xtol=1e-12)
    optimum = Optimum(beta * variance, latents=6)
    assert (optimum.active_units, variance) == {
        0.5: (6, pytest.approx(0.15 / (8 - 6 * 0.5))),  # N v = a β v + what is dropped
        2.0: (3, pytest.approx(1.9 / (8 - 3 * 2.0))),
    }[beta]
    result = trained(images, tmp_path, partial(Gaussian, mode=mode), beta=beta, steps=steps)
    # The level holds itself up: of a change of it, a · β/N comes back with the MSE. What moves it
    # elsewhere by `CLOSE` moves it here by 1/(1 - a · β/N) times as much, and a rate by half that.
    close = CLOSE / (1 - optimum.active_units * beta / N)
    assert result.scale.beta == beta
    assert result.scale.sigma**2 == pytest.approx(variance, rel=close)
    assert result.metrics["val/mse"] == pytest.approx(variance, rel=close)
    rate = optimum.rates.sum()
    assert result.metrics["val/rate"] == pytest.approx(rate, abs=optimum.active_units * close / 2)
    assert result.metrics["val/active_units"] == optimum.active_units


# --- what is forecast without any training --------------------------------------------------------


@pytest.mark.parametrize("mode", ["fixed", "learned", "optimal"])
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0, 4.0])
def test_the_forecast_is_the_optimum(images: Images, mode: str, beta: float) -> None:
    """To 10⁻³ nats, though the data is float32 and a free σ has a soft floor."""
    sigma = math.sqrt(0.3) if mode == "fixed" else None
    objective = Objective(1.0, normalisation("sum"), N, 6)
    found = forecast(images, Gaussian(sigma, mode), objective)  # type: ignore[arg-type]
    variance = 0.3
    if mode != "fixed":

        def excess(v: float) -> float:
            return Optimum(beta * v, latents=6).squared_error / N - v

        variance = brentq(excess, 1e-3, EIGENVALUES.mean(), xtol=1e-12)
    optimum = Optimum(beta * variance, latents=6)
    constant = N * math.log(2 * math.pi * variance)
    assert found.front is not None
    at = found.front.at(beta)
    assert at.rate == pytest.approx(optimum.rates.sum(), abs=1e-3)
    expected = 0.5 * (optimum.squared_error / variance + constant)
    assert at.distortion == pytest.approx(expected, abs=1e-3)
    assert at.live == optimum.active_units
    # The same examples validate: held out, the model of the forecast is worth the same.
    assert at.val_rate == pytest.approx(at.rate, abs=1e-3)
    assert at.val_distortion == pytest.approx(at.distortion, abs=1e-3)
    collapsed = 0.3 if mode == "fixed" else EIGENVALUES.mean()
    assert found.beta_c == pytest.approx(8 / collapsed, rel=1e-3)


# --- a family: one run for every β ----------------------------------------------------------------


def test_a_family_fills_to_every_beta_of_two_decades(images: Images, tmp_path: Path) -> None:
    steps, sum_ = 1000, normalisation("sum")
    run = Run(
        data=images,
        architecture=partial(
            multirate, of=partial(linear, latents=6), low=0.1, high=10.0, points=5
        ),
        likelihood=FIXED,
        make_objective=partial(Objective, 1.0, sum_),
        make_optimizer=partial(coming_to_rest, steps, rate=0.03),
        trainer=Trainer(steps=steps, batch_size=500, accelerator="cpu"),
        evaluate=partial(evaluate, samples=16),
        seed=0,
    )
    for point in fit_one(run, tmp_path).curve:
        optimum, beta, metrics = at(point["beta"]), point["beta"], point["metrics"]
        rate = metrics["val/rate"]
        best = distortion(optimum) + beta * optimum.rates.sum()
        lost = metrics["val/distortion"] + beta * rate - best
        # In nats, of which the latents have 0.6 to 11.6; the draws of z alone leave a hundredth.
        assert -0.01 < lost < 0.03
        assert rate == pytest.approx(optimum.rates.sum(), abs=0.06)
