"""The collapsed VAE, against its closed forms."""

import math

import pytest
import torch
from torch import Tensor

from betafront.metrics import zero_rate
from betafront.objective import Bernoulli, ContinuousBernoulli, Gaussian, Likelihood

N = 6
MODES = ["fixed", "learned", "optimal"]


def normal(n: int, seed: int) -> Tensor:
    x = torch.randn(n, N, generator=torch.Generator().manual_seed(seed))
    return (x * torch.linspace(0.2, 2, N) + torch.linspace(-1, 3, N)).view(n, 1, 2, 3)


def gaussian_distortion(mse: float, sigma2: float) -> float:
    return 0.5 * N * (math.log(2 * math.pi * sigma2) + mse / sigma2)


@pytest.mark.parametrize("mode", MODES)
def test_of_a_gaussian_it_is_the_mean_image(mode: str) -> None:
    train, val = normal(1000, 0), normal(400, 1)
    fitted, seen = (float(((x - train.mean(0)) ** 2).mean()) for x in (train, val))
    values = zero_rate(Gaussian(mode=mode), train, val)  # type: ignore[arg-type]
    # Adam ends within a part in 10⁴ of the mean image and of σ. The validation images have another
    # mean and variance, so that what is missing there counts in full.
    assert values["mse"] == pytest.approx(seen, rel=1e-4)
    expected = gaussian_distortion(seen, 1.0 if mode == "fixed" else fitted)
    assert values["distortion"] == pytest.approx(expected, abs=1e-4 * N)


@pytest.mark.parametrize("mode", ["fixed", "optimal"])
def test_of_a_gaussian_on_grey_levels_up_to_255(mode: str) -> None:
    grey = 255 * torch.rand(1000, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    mse = float(((grey - grey.mean(0)) ** 2).mean())
    values = zero_rate(Gaussian(mode=mode), grey, grey)  # type: ignore[arg-type]
    assert values["mse"] == pytest.approx(mse, rel=1e-4)  # the same steps in units of 255
    expected = gaussian_distortion(mse, 1.0 if mode == "fixed" else mse)
    assert values["distortion"] == pytest.approx(expected, rel=1e-4)


def test_of_a_bernoulli_it_is_the_entropy_of_the_pixels() -> None:
    uniform = torch.rand(1000, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    x = (uniform < torch.linspace(0.1, 0.9, N).view(1, 2, 3)).float()
    p = x.double().mean(0)
    entropy = float(-(p * p.log() + (1 - p) * (1 - p).log()).sum())
    values = zero_rate(Bernoulli(), x, x)
    assert values["distortion"] == pytest.approx(entropy, rel=1e-5)  # fitted, and flat there
    assert values["distortion"] >= entropy * (1 - 1e-6)  # none is lower; float32
    assert values["mse"] == pytest.approx(float((p * (1 - p)).mean()), rel=1e-4)


def test_of_a_continuous_bernoulli_it_has_the_mean_image_too() -> None:
    x = torch.rand(1000, 1, 2, 3, generator=torch.Generator().manual_seed(0)) ** 2
    values = zero_rate(ContinuousBernoulli(), x, x)
    # The likeliest constant of an exponential family has the data's mean; fitted, and flat there.
    assert values["mse"] == pytest.approx(float(x.var(0, unbiased=False).mean()), rel=1e-4)


@pytest.mark.parametrize(
    "likelihood",
    [*(Gaussian(mode=m) for m in MODES), Bernoulli(), ContinuousBernoulli()],  # type: ignore[arg-type]
)
def test_its_values_hang_together_and_the_likelihood_is_spared(likelihood: Likelihood) -> None:
    x = (torch.rand(100, 1, 2, 3, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    before = {k: v.clone() for k, v in likelihood.state_dict().items()}
    values = zero_rate(likelihood, x, x)
    assert values["rate"] == 0
    assert values["negative_elbo"] == values["distortion"]
    bits = values["distortion"] / (N * math.log(2))
    assert values["bits_per_dim"] == pytest.approx(bits, rel=1e-12)  # float64
    for name, value in likelihood.state_dict().items():
        assert torch.equal(value, before[name]), name
