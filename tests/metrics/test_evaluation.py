"""Evaluation on models whose every number is known."""

import math

import pytest
import torch
from torch import Tensor, nn

from betafront.metrics import evaluate
from betafront.metrics.evaluation import of_every_run
from betafront.models import VAE, mlp
from betafront.objective import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    Likelihood,
)
from betafront.objective.likelihoods.grid import PARTS

N = 6
SURE = -60.0  # a log variance whose noise, e^-30, is nothing beside float32


class Scaled(nn.Module):
    """An encoder whose j-th mean is `scales[j]` times the j-th pixel, with the same variance
    everywhere."""

    def __init__(self, scales: list[float], log_var: float) -> None:
        super().__init__()
        self.scales = torch.tensor(scales, dtype=torch.float64)
        self.log_var = log_var

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1) * self.scales
        return torch.cat([mean, torch.full_like(mean, self.log_var)], dim=1)


def known(scales: list[float], log_var: float, likelihood: Likelihood | None = None) -> VAE:
    """A VAE with N latents whose decoder returns the code itself."""
    likelihood = likelihood or Gaussian(sigma=0.5, mode="fixed").double()
    return VAE(Scaled(scales, log_var), nn.Unflatten(1, (1, 2, 3)), likelihood, latents=N)


def standardised(n: int) -> Tensor:
    """Images of which each pixel has mean 0 and (biased) variance 1 over the n of them."""
    x = torch.randn(n, N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = (x - x.mean(0)) / x.std(0, unbiased=False)
    return x.view(n, 1, 2, 3)


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    return mlp((1, 2, 3), Gaussian(mode="optimal"), latents=4, hidden=(8,))


@pytest.fixture
def x() -> Tensor:
    return torch.rand(50, 1, 2, 3, generator=torch.Generator().manual_seed(0))


def test_an_exact_autoencoder() -> None:
    x = standardised(50)
    evaluation = evaluate(known([1.0] * N, SURE), x)
    values = evaluation.values
    # float64 throughout; the posterior's noise of e^-30 is squared in the error and alone in D
    assert values["mse"] == pytest.approx(0, abs=1e-24)
    distortion = 0.5 * N * math.log(2 * math.pi * 0.5**2)
    assert values["distortion"] == pytest.approx(distortion, rel=1e-7)  # σ is kept in float32
    # KL of N(x, e^-60) over data with E[x²] = 1
    kl = 0.5 * (1 + math.exp(SURE) - 1 - SURE)
    torch.testing.assert_close(evaluation.kl, torch.full((N,), kl).double())
    assert values["rate"] == pytest.approx(N * kl, rel=1e-12)


def test_the_squared_error_is_with_codes_drawn() -> None:
    x, log_var, samples = standardised(500), math.log(0.3), 8
    values = evaluate(known([1.0] * N, log_var), x, samples=samples).values
    # The decoder returns z, so its error is the posterior's noise, of variance 0.3.
    draws = 500 * samples * N
    four_standard_errors = 4 * 0.3 * (2 / draws) ** 0.5
    assert values["mse"] == pytest.approx(0.3, abs=four_standard_errors)


def test_the_sums_that_must_hold(vae: VAE, x: Tensor) -> None:
    evaluation = evaluate(vae, x)
    values = evaluation.values
    assert values["negative_elbo"] == values["distortion"] + values["rate"]
    assert values["rate"] == pytest.approx(float(evaluation.kl.sum()), rel=1e-12)  # float64
    nats_per_dim = values["negative_elbo"] / N
    assert values["bits_per_dim"] == pytest.approx(nats_per_dim / math.log(2), rel=1e-12)
    assert values["rate"] > 0
    assert evaluation.kl.shape == evaluation.variance.shape == (4,)


def test_distortion_and_squared_error_are_of_the_same_draws() -> None:
    values = evaluate(known([1.0] * N, math.log(0.3)), standardised(50)).values
    sigma2 = 0.25
    expected = 0.5 * N * (math.log(2 * math.pi * sigma2) + values["mse"] / sigma2)
    assert values["distortion"] == pytest.approx(expected, rel=1e-6)  # σ is kept in float32


def test_the_squared_error_is_of_the_likelihoods_mean() -> None:
    x = standardised(50).sigmoid()
    vae = known([1.0] * N, SURE, Bernoulli(grey=True))
    expected = float(((x.sigmoid() - x) ** 2).mean())
    assert evaluate(vae, x).values["mse"] == pytest.approx(expected, rel=1e-9)  # noise of e^-30


def test_active_units_are_counted_on_the_variance() -> None:
    # Variances on either side of the threshold 0.01, and far from it; as standard deviations,
    # all but the last would be active.
    variances = [1.0, 0.0101, 0.0099, 0.001, 0.0004, 0.0]
    evaluation = evaluate(known([v**0.5 for v in variances], 0.0), standardised(50))
    assert evaluation.values["active_units"] == 2
    expected = torch.tensor(variances, dtype=torch.float64)
    torch.testing.assert_close(evaluation.variance, expected, rtol=1e-12, atol=1e-30)  # float64


def test_the_variance_is_the_biased_one() -> None:
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64).view(2, 1, 1, 1).expand(2, 1, 2, 3)
    evaluation = evaluate(known([1.0] * N, 0.0), x, active_threshold=1.5)
    assert evaluation.variance.tolist() == [1.0] * N  # 2 would be the unbiased one
    assert evaluation.values["active_units"] == 0


def test_which_values_every_run_has() -> None:
    assert of_every_run("val/rate")
    assert of_every_run("test/active_units_layer_12")
    assert not of_every_run("val/iwae_10")


def test_of_many_examples_each_has_no_more_draws_than_are_enough(vae: VAE, x: Tensor) -> None:
    def drawn(enough: int | None, samples: int = 8) -> float | str:
        return evaluate(vae, x, samples=samples, enough=enough).settings["samples"]

    n = len(x)
    assert [drawn(e) for e in (None, 1000 * n, 3 * n, 3 * n - 1, 1)] == [8, 8, 3, 3, 1]
    assert drawn(3 * n, samples=2) == 2
    alike = evaluate(vae, x, samples=3), evaluate(vae, x, samples=8, enough=3 * n)
    assert alike[0].values == alike[1].values


def test_settings_say_what_the_values_depend_on(vae: VAE, x: Tensor) -> None:
    evaluation = evaluate(vae, x, samples=3, active_threshold=0.02)
    assert evaluation.settings == {"samples": 3, "active_threshold": 0.02, "examples": 50}


def test_the_same_seed_gives_the_same_values_and_another_other_draws(vae: VAE, x: Tensor) -> None:
    torch.manual_seed(1)
    one = evaluate(vae, x, seed=0)
    torch.manual_seed(2)
    same, other = evaluate(vae, x, seed=0), evaluate(vae, x, seed=1)
    assert one.values == same.values
    assert torch.equal(one.kl, same.kl)
    assert one.values["distortion"] != other.values["distortion"]
    assert one.values["rate"] == other.values["rate"]  # analytic: no draws in it


@pytest.mark.parametrize("training", [True, False])
def test_the_model_and_the_generators_are_left_as_they_were(
    vae: VAE, x: Tensor, training: bool
) -> None:
    vae.train(training)
    weights = {k: v.clone() for k, v in vae.state_dict().items()}
    generator = torch.get_rng_state()
    evaluate(vae, x)
    assert vae.training == vae.likelihood.training == training
    for name, value in vae.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert torch.equal(torch.get_rng_state(), generator)


def test_training_mode_changes_no_value(vae: VAE, x: Tensor) -> None:
    # An optimal σ would be refitted to the batch if evaluation did not turn training off.
    assert evaluate(vae.train(), x).values == evaluate(vae.eval(), x).values


def test_more_images_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, x = known([1.0, 0.5, 0.2, 0.1, 0.0, 2.0], SURE), standardised(50)
    whole = evaluate(vae, x)
    monkeypatch.setattr("betafront.metrics.evaluation.EVALUATION_BATCH", 7)
    pieces = evaluate(vae, x)
    # float64 sums in another order; the codes have no noise to be drawn in another order
    assert pieces.values == pytest.approx(whole.values, rel=1e-10)
    torch.testing.assert_close(pieces.variance, whole.variance, rtol=1e-12, atol=1e-30)


class Always(nn.Module):
    """A decoder that gives the same output for every code, per parameter and pixel."""

    def __init__(self, likelihood: Likelihood, output: float) -> None:
        super().__init__()
        self.shape = likelihood.output_shape((1, 2, 3))
        self.output = output

    def forward(self, z: Tensor) -> Tensor:
        return torch.full((len(z), *self.shape), self.output, dtype=torch.float64)


def dequantised(k: int) -> Tensor:
    """Images in which every pixel goes through every part of the cells of k levels once."""
    y = (torch.arange(k * PARTS, dtype=torch.float64) + 0.5) / (k * PARTS)
    return y.view(-1, 1, 1, 1).expand(-1, 1, 2, 3)


def distortion_of_always(likelihood: Likelihood, output: float, k: int) -> float:
    vae = VAE(Scaled([0.0] * N, 0.0), Always(likelihood, output), likelihood, latents=N)
    vae.log_volume = N * math.log(k)
    values = evaluate(vae, dequantised(k), samples=1).values
    nats_per_dim = values["negative_elbo"] / N
    assert values["bits_per_dim"] == pytest.approx(nats_per_dim / math.log(2), rel=1e-12)
    return values["distortion"]


@pytest.mark.parametrize("k", [2, 17])
def test_the_uniform_density_and_the_uniform_mass_have_the_same_distortion(k: int) -> None:
    for likelihood in (ContinuousBernoulli(), Categorical(k, dequantized=True)):
        found = distortion_of_always(likelihood, 0.0, k)
        assert found == pytest.approx(N * math.log(k), rel=1e-12)  # float64
    # An output of 0 is Beta(1 + 5e-5, 1), the bounds being soft: log p = 5e-5 (1 + log y).
    found = distortion_of_always(Beta(), 0.0, k)
    assert found == pytest.approx(N * math.log(k), abs=N * 5e-5)


@pytest.mark.parametrize("eta", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("k", [2, 17])
def test_a_density_is_off_its_own_mass_by_what_jensen_says(k: int, eta: float) -> None:
    found = distortion_of_always(ContinuousBernoulli(), eta, k)
    edges = torch.arange(k + 1, dtype=torch.float64) / k
    # The mass of each cell under exp(ηy) · η / (e^η - 1), exactly.
    log_mass = torch.log(torch.exp(eta * edges - eta).diff() / -math.expm1(-eta))
    true = -N * float(log_mass.mean())
    # log p is linear in y, so E_u log p(y) falls short of the log of the mean by log(sinh h / h).
    h = eta / (2 * k)
    assert found - true == pytest.approx(N * math.log(math.sinh(h) / h), abs=1e-9)
    assert found > true


def test_a_mass_owes_no_volume() -> None:
    likelihood = DiscretizedLogistic(17, dequantized=True, mode="fixed").double()
    assert not likelihood.density
    levels = likelihood.grid.value(torch.arange(17).double()).view(-1, 1, 1, 1)
    log_mass = likelihood.log_prob(torch.full_like(levels, 0.4), levels)
    found = distortion_of_always(likelihood, 0.4, 17)
    assert found == pytest.approx(-N * float(log_mass.mean()), rel=1e-12)  # float64
