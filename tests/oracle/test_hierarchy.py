"""Two stochastic layers against exact answers: a linear-Gaussian hierarchy.

z_2 ~ N(0, 1), z_1 ~ N(A z_2 + a, S) and x ~ N(W z_1 + b, σ²), so that x is Gaussian with mean
W a + b and covariance W (A Aᵀ + S) Wᵀ + σ². With orthogonal columns of W and a diagonal A every
posterior is diagonal, and both ways to infer can have it exactly: the ladder, where the product of
p(z_1|z_2) with the Gaussian that comes up from x is p(z_1|z_2, x), and the way up alone, where
p(z_2|z_1, x) is p(z_2|z_1). Then the weight of every draw is p(x) itself.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor, nn

from betafront.metrics import evaluate
from betafront.metrics.iwae import iwae
from betafront.models import BottomUp, Hierarchy, Ladder, Posterior
from betafront.objective import Gaussian

LOW, TOP, N = 3, 2, 5
SIGMA = 0.7
SLOPES = torch.tensor([1.5, 0.8], dtype=torch.float64)
A = torch.zeros(LOW, TOP, dtype=torch.float64)
A[:TOP] = torch.diag(SLOPES)
a = torch.tensor([0.3, -0.5, 0.2], dtype=torch.float64)
S = torch.tensor([0.5, 0.25, 1.2], dtype=torch.float64)  # variances of z_1 given z_2
LENGTHS = torch.tensor([2.0, 1.0, 0.6], dtype=torch.float64)  # of the columns of W
W = (
    torch.linalg.qr(
        torch.randn(N, LOW, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )[0]
    * LENGTHS
)
b = torch.linspace(-1, 1, N, dtype=torch.float64)

FROM_X = LENGTHS**2 / SIGMA**2  # the precision of x about each of z_1
UP = W.T / LENGTHS[:, None] ** 2  # x - b = W z_1 + noise, solved for z_1


class Affine(nn.Module):
    """A Gaussian whose mean is affine in the input, and whose variance does not depend on it."""

    def __init__(self, matrix: Tensor, shift: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.matrix, self.shift = nn.Parameter(matrix), nn.Parameter(shift)
        self.log_var = nn.Parameter(variance.log())

    def forward(self, x: Tensor) -> Posterior:
        mean = x.flatten(1) @ self.matrix.T + self.shift
        return Posterior(mean, self.log_var.expand_as(mean))


class Both(nn.Module):
    """The two Gaussians that come up from x."""

    def __init__(self, low: Affine, top: Affine) -> None:
        super().__init__()
        self.low, self.top = low, top

    def forward(self, x: Tensor) -> list[Posterior]:
        return [self.low(x), self.top(x)]


class Linear(nn.Module):
    """The mean of x given z_1."""

    def forward(self, z: Tensor) -> Tensor:
        return z @ W.T + b


def ladder(wider: float = 1.0, off: float = 0.0) -> Ladder:
    """With the exact posterior, or with `wider` times its variances from x, and means that are off
    by so much."""
    # z_2 given x: from each of z_1 that depends on it, with the variance that is left.
    precision = 1 + SLOPES**2 / (S[:TOP] + 1 / FROM_X[:TOP])
    gain = SLOPES / (S[:TOP] + 1 / FROM_X[:TOP]) / precision
    to_top = gain[:, None] * UP[:TOP]
    top = Affine(to_top, -to_top @ b - gain * a[:TOP] + off, wider / precision)
    low = Affine(UP, -UP @ b + off, wider / FROM_X)
    return Ladder((LOW, TOP), Both(low, top), [Affine(A, a, S)], Linear(), likelihood())


def bottom_up(wider: float = 1.0, off: float = 0.0) -> BottomUp:
    """As `ladder`, with inference up from x."""
    of_low = S.clone()
    of_low[:TOP] += SLOPES**2  # the variances of z_1
    precision = FROM_X + 1 / of_low
    to_low = (FROM_X / precision)[:, None] * UP
    low = Affine(to_low, -to_low @ b + a / of_low / precision + off, wider / precision)
    gain = SLOPES / of_low[:TOP]
    to_top = torch.zeros(TOP, LOW, dtype=torch.float64)
    to_top[:, :TOP] = torch.diag(gain)
    top = Affine(to_top, -gain * a[:TOP] + off, wider * S[:TOP] / of_low[:TOP])
    return BottomUp((LOW, TOP), low, [top], [Affine(A, a, S)], Linear(), likelihood())


def likelihood() -> Gaussian:
    return Gaussian(sigma=SIGMA, mode="fixed").double()


@pytest.fixture(scope="module")
def x() -> Tensor:
    torch.manual_seed(1)
    model = ladder()
    z = model.prior(40, torch.Generator().manual_seed(1))
    return (model.decode(z) + SIGMA * torch.randn(40, N, dtype=torch.float64)).detach()


@pytest.fixture(scope="module")
def nll(x: Tensor) -> float:
    """The mean of -log p(x), of the density of the marginal Gaussian."""
    covariance = W @ (A @ A.T + torch.diag(S)) @ W.T + SIGMA**2 * torch.eye(N)
    marginal = multivariate_normal((W @ a + b).numpy(), covariance.numpy())
    return -float(np.mean(marginal.logpdf(x.numpy())))


MODELS = {"ladder": ladder, "bottom up": bottom_up}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
Make = Callable[..., Hierarchy]


@every_model
def test_every_draw_of_the_exact_posterior_weighs_as_much_as_the_likelihood(
    make: Make, x: Tensor, nll: float
) -> None:
    score = iwae(make(), x, draws=(1, 4))
    for bound in score.values.values():
        assert bound == pytest.approx(nll, rel=1e-7)  # σ is kept in float32


@every_model
def test_iwae_comes_to_the_likelihood_from_below(make: Make, x: Tensor, nll: float) -> None:
    bounds = list(iwae(make(wider=1.3, off=0.1), x, draws=(1, 10, 100, 2000)).values.values())
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > nll + 0.1
    # q is the wider, so that weights are bounded: their standard deviation is about 0.7 of their
    # mean, the gap of 2,000 draws below 0.001, and the noise of 40 examples of them 0.0025.
    assert bounds[-1] == pytest.approx(nll, abs=0.0075)


def test_the_rates_of_the_layers_are_those_of_the_exact_posterior(x: Tensor, nll: float) -> None:
    model = ladder()
    values = evaluate(model, x, samples=400).values
    assert values["rate_layer_1"] + values["rate_layer_2"] == pytest.approx(
        values["rate"], rel=1e-12
    )
    top = model.encode(x)[1]
    expected = float(top.kl().sum(1).mean().detach())
    assert values["rate_layer_2"] == pytest.approx(expected, rel=1e-9)
    # The mean of KL(p(z_1|z_2, x) || p(z_1|z_2)) over p(z_2|x): R is D's complement to -log p(x).
    assert values["negative_elbo"] == pytest.approx(nll, abs=0.05)
    part = FROM_X / (FROM_X + 1 / S)
    means = x @ UP.T - UP @ b - a  # of z_1 - a from x alone, less what z_2 says of it:
    means[:, :TOP] -= SLOPES * top.mean.detach()
    squares = means**2
    squares[:, :TOP] += SLOPES**2 * top.log_var.detach().exp()
    low = 0.5 * (part**2 * squares / S - part - torch.log1p(-part)).sum(1).mean()
    assert values["rate_layer_1"] == pytest.approx(float(low), rel=0.01)  # 16,000 draws of z_2


def test_both_ways_to_infer_have_one_rate_and_share_it_out_in_their_own_way(x: Tensor) -> None:
    """The posterior is the same. From above, a layer costs what x says beyond the layers above it;
    from below, the uppermost costs what a draw of z_1 says of it, which is more than x does."""
    up, down = (evaluate(make(), x, samples=400).values for make in (bottom_up, ladder))
    assert up["rate"] == pytest.approx(down["rate"], rel=0.01)  # 16,000 draws
    assert up["rate_layer_1"] + up["rate_layer_2"] == pytest.approx(up["rate"], rel=1e-12)
    assert up["rate_layer_2"] > down["rate_layer_2"] + 0.05
