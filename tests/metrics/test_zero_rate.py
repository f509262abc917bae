"""The collapsed VAE, against its closed forms."""

import math

import pytest
import torch
from torch import Tensor

from betafront.metrics.zero_rate import zero_rate
from betafront.objective import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    GaussianPerImage,
    Laplace,
    Likelihood,
)

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


@pytest.mark.parametrize("mode", MODES)
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
    [
        *(Gaussian(mode=m) for m in MODES),  # type: ignore[arg-type]
        *(Laplace(mode=m) for m in MODES),  # type: ignore[arg-type]
        GaussianPerImage(),
        Bernoulli(),
        ContinuousBernoulli(),
        Categorical(2),
        DiscretizedLogistic(2),
        DiscretizedLogistic(2, mode="pixel"),
    ],
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


@pytest.mark.parametrize("mode", ["learned", "optimal"])
def test_of_a_laplace_it_is_the_median_image(mode: str) -> None:
    x = normal(1001, 0)
    mae = float((x - x.median(0).values).abs().mean())
    values = zero_rate(Laplace(mode=mode), x, x)  # type: ignore[arg-type]
    expected = N * math.log(2 * math.e * mae)
    # Of absolute errors the slope is as large beside the median as far away; the last steps are
    # of 0.1 / 300 or less, over which a pixel's mean error grows by no more than 3e-4.
    assert values["distortion"] == pytest.approx(expected, abs=N * 3e-4 / mae)
    assert values["distortion"] >= expected - 1e-5 * N  # none is lower; float32


def levels(k: int) -> Tensor:
    """1,000 images in which the levels come in other shares in every pixel."""
    generator = torch.Generator().manual_seed(0)
    shares = torch.rand(N, k, generator=generator) + 0.05
    drawn = torch.multinomial(shares, 1000, replacement=True, generator=generator)
    return (drawn / (k - 1)).T.reshape(1000, 1, 2, 3)


def test_of_a_categorical_it_is_the_entropy_of_the_pixels() -> None:
    x = levels(5)
    share = torch.stack([(x == i / 4).double().mean(0) for i in range(5)])
    entropy = -float((share * share.log()).sum())
    values = zero_rate(Categorical(5), x, x)
    assert values["distortion"] == pytest.approx(entropy, rel=1e-5)  # fitted, and flat there
    assert values["distortion"] >= entropy * (1 - 1e-6)  # none is lower; float32
    mean = float(x.var(0, unbiased=False).mean())
    assert values["mse"] == pytest.approx(mean, rel=1e-4)
    for mode in ("learned", "pixel"):
        logistic = zero_rate(DiscretizedLogistic(5, mode=mode), x, x)  # type: ignore[arg-type]
        assert entropy < logistic["distortion"] < N * math.log(5)  # it is no free mass


@pytest.mark.parametrize("start", [1.0, None])
def test_one_sigma_for_all_images_is_what_a_constant_sigma_per_image_comes_to(
    start: float | None,
) -> None:
    x = 255 * torch.rand(1000, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    one, per_image = zero_rate(Gaussian(), x, x), zero_rate(GaussianPerImage(start), x, x)
    assert per_image["distortion"] == pytest.approx(one["distortion"], rel=1e-4)  # both fitted
    assert per_image["mse"] == pytest.approx(one["mse"], rel=1e-4)


def test_of_dequantised_images_densities_pay_for_the_volume_and_masses_do_not() -> None:
    k, volume = 5, N * math.log(5)
    noise = torch.rand(1000, 1, 2, 3, generator=torch.Generator().manual_seed(1))
    x = levels(k)
    y = ((x * (k - 1)).round() + (4096 * noise).floor() / 4096 + 0.5 / 4096) / k
    for density in (ContinuousBernoulli(), Gaussian(), Beta()):
        plain, paid = zero_rate(density, y, y), zero_rate(density, y, y, volume)
        assert paid["distortion"] - plain["distortion"] == pytest.approx(volume, rel=1e-9)
        assert paid["negative_elbo"] == paid["distortion"]
        assert paid["bits_per_dim"] == pytest.approx(paid["distortion"] / (N * math.log(2)))
    mass = zero_rate(Categorical(k, dequantized=True), y, y, volume)
    assert mass["distortion"] == zero_rate(Categorical(k), x, x)["distortion"]  # the same levels
    # A bound on the log mass of the images by a density that is not theirs is above their entropy.
    assert mass["distortion"] < zero_rate(ContinuousBernoulli(), y, y, volume)["distortion"]
