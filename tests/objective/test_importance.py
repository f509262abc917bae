"""Several draws of z: their loss, its gradient and its bounds, on a model whose log p(x) is known.

z and x are one number each: p(z) = N(0, 1), p(x|z) = N(w z + c, σ²), and q(z|x) is a Gaussian whose
mean is linear in x. Expectations over the noise are sums over the nodes of Gauss and Hermite.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm
from tests.support.models import UNFACTORISED
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models import VAE, Model, mlp
from betafront.objective import (
    GECO,
    MMD,
    NORMALISATIONS,
    Bernoulli,
    Capacity,
    Code,
    ControlVAE,
    FreeBits,
    Gaussian,
    Laplace,
    Likelihood,
    Linear,
    Objective,
    normalisation,
)
from betafront.objective.importance import bound, log_weights

SIGMA, X = math.exp(-0.5), 1.3  # a σ whose logarithm float32 holds
SLOPE, SHIFT = 0.9, -0.2  # of the decoder: w and c
NOISE = torch.tensor(list(product((-1.1, 0.2, 0.9), repeat=2)), dtype=torch.float64)  # (9, 2)


def tiny(off: float = 0.0, beta: float = 1.0) -> VAE:
    """A VAE whose q(z|x) is q*, proportional to p(z) p(x|z)^(1/β), but for `off` in its log
    variance and half of that in its mean."""
    precision = 1 + SLOPE**2 / (beta * SIGMA**2)
    gain = SLOPE / (beta * SIGMA**2) / precision
    encoder, decoder = nn.Linear(1, 2).double(), nn.Linear(1, 1).double()
    biases = [-gain * SHIFT + off / 2, off - math.log(precision)]
    with torch.no_grad():
        encoder.weight.copy_(torch.tensor([[gain], [0.0]], dtype=torch.float64))
        encoder.bias.copy_(torch.tensor(biases, dtype=torch.float64))
        decoder.weight.fill_(SLOPE)
        decoder.bias.fill_(SHIFT)
    parts = (
        nn.Sequential(nn.Flatten(), encoder),
        nn.Sequential(decoder, nn.Unflatten(1, (1, 1, 1))),
    )
    return VAE(*parts, Gaussian(sigma=SIGMA, mode="fixed"), 1).double()


def images(n: int) -> Tensor:
    return torch.full((n, 1, 1, 1), X, dtype=torch.float64)


@contextmanager
def noise_of(noise: Tensor) -> Iterator[None]:
    """A context in which models draw this noise, (B, k) numbers, in place of random ones."""
    drawn = noise.reshape(-1, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("betafront.models.vae.standard_normal", lambda *_: drawn)
        yield


def by_hand(parameters: np.ndarray, noise: np.ndarray, beta: float) -> np.ndarray:
    """(B,) -log 1/k Σ_i p(x|z_i) (p(z_i)/q(z_i|x))^β with densities from SciPy."""
    gain, flat, bias, log_var, slope, shift = parameters
    mean, deviation = gain * X + bias, math.exp(0.5 * (flat * X + log_var))
    found = []
    for row in noise:
        weights = []
        for each in row:
            z = mean + deviation * each
            ratio = norm.pdf(z) / norm.pdf(z, mean, deviation)
            weights.append(norm.pdf(X, slope * z + shift, SIGMA) * ratio**beta)
        found.append(-math.log(sum(weights) / len(weights)))
    return np.array(found)


def objective(draws: int, weight: float = 1.0, name: str = "sum", **parts: Any) -> Objective:
    return Objective(weight, normalisation(name), 1, 1, draws=draws, **parts)


def expected(vae: VAE, draws: int, beta: float = 1.0) -> float:
    """The expectation of the loss of several draws over their noise."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    tuples = torch.tensor(list(product(nodes, repeat=draws)))
    parts = np.prod(list(product(weights / weights.sum(), repeat=draws)), 1)
    with noise_of(tuples), torch.no_grad():
        draw = vae.infer(images(len(tuples)), draws=draws, log_ratio=True)
        log_px = vae.log_px(draw.z, images(tuples.numel()))
        log_w = log_weights(log_px, draw.log_ratio, beta, draws)
    return float(parts @ bound(log_w).numpy())


def truth(beta: float = 1.0) -> float:
    """-B = -β log ∫ p(z) p(x|z)^(1/β) dz, which is -log p(x) at β = 1: the power of a Gaussian is
    one of variance β σ², but for its constant."""
    constant = math.log(2 * math.pi * beta * SIGMA**2) / 2
    constant -= math.log(2 * math.pi * SIGMA**2) / (2 * beta)
    spread = math.sqrt(SLOPE**2 + beta * SIGMA**2)
    return -beta * float(constant + norm.logpdf(X, SHIFT, spread))


# --- the loss and its gradient --------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 0.4, 0.0])
def test_the_loss_and_its_gradient_are_those_of_the_sum_by_hand(beta: float) -> None:
    vae = tiny(off=0.5)
    with noise_of(NOISE):
        terms = vae(images(len(NOISE)), draws=2)
    loss = objective(2, beta).loss(terms, 1.0)
    of = list(vae.parameters())
    start = torch.cat([p.detach().flatten() for p in of]).numpy()
    noise = NOISE.numpy()
    assert float(loss) == pytest.approx(by_hand(start, noise, beta).mean(), rel=1e-12)

    found = torch.cat([g.flatten() for g in torch.autograd.grad(loss, of)]).numpy()
    step = 1e-6 * np.eye(len(start))
    ends = [[by_hand(start + s * one, noise, beta).mean() for s in (1, -1)] for one in step]
    # central differences: 1e-12 of curvature, and 1e-16 of rounding over 1e-6
    assert found == pytest.approx(np.diff(ends)[:, 0] / -2e-6, rel=1e-6, abs=1e-8)
    assert np.abs(found).min() > 0.005  # each parameter is in it


@pytest.mark.parametrize("name", sorted(UNFACTORISED))
def test_any_model_that_gives_its_log_ratio_is_trained_so(name: str) -> None:
    torch.manual_seed(0)
    vae: Model = UNFACTORISED[name]((1, 4, 4), Bernoulli())
    x = (torch.rand(5, 1, 4, 4) > 0.5).float()
    found = objective(3).loss(vae(x, torch.Generator().manual_seed(1), draws=3), 1.0)
    draw = vae.infer(x, torch.Generator().manual_seed(1), draws=3, log_ratio=True)
    assert draw.log_ratio is not None
    log_w = vae.log_px(draw.z, x.repeat_interleave(3, 0)).double() + draw.log_ratio
    by_scipy = math.log(3) - logsumexp(log_w.detach().numpy().reshape(5, 3), axis=1)
    assert float(found) == pytest.approx(by_scipy.mean(), rel=1e-6)  # the loss is float32
    assert found.dtype == torch.float32
    slopes = torch.autograd.grad(found, list(vae.parameters()), allow_unused=True)
    assert all(slope is not None and bool(slope.abs().sum() > 0) for slope in slopes)


def test_one_draw_is_distortion_and_rate_to_the_bit() -> None:
    torch.manual_seed(0)
    vae = mlp((1, 4, 4), Gaussian(), latents=3, hidden=(8,))
    x, losses = torch.rand(7, 1, 4, 4), []
    for plain in (True, False):
        noise = torch.Generator().manual_seed(1)
        if plain:
            draw = vae.draw(vae.encode(x), noise)
            loss = -vae.observe(draw.z, x).log_px.mean() + 0.7 * draw.kl.sum(-1).mean()
        else:
            loss = Objective(0.7, normalisation("sum"), 16, 3).loss(vae(x, noise), 1.0)
        losses.append((loss, *torch.autograd.grad(loss, list(vae.parameters()))))
    assert all(torch.equal(one, other) for one, other in zip(*losses, strict=True))


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_the_convention_of_the_weight_scales_the_loss(name: str) -> None:
    torch.manual_seed(0)
    vae = mlp((1, 4, 4), Bernoulli(), latents=3, hidden=(8,)).double()
    terms = vae((torch.rand(6, 1, 4, 4) > 0.5).double(), draws=4)
    convention = normalisation(name)
    weight = convention.weight(0.8, 16, 3)
    written = Objective(weight, convention, 16, 3, schedule=Linear(warmup=1.0), draws=4)
    plain = Objective(0.4, normalisation("sum"), 16, 3, draws=4)
    step = written.step(terms, 0.5, written.start())
    factor = convention.weights(1.0, 16, 3).distortion
    assert float(step.loss) == pytest.approx(factor * float(plain.loss(terms, 1.0)), rel=1e-12)
    assert float(step.beta) == pytest.approx(0.4, rel=1e-12)  # halfway up the ramp


def test_penalties_are_of_the_first_draw_of_each_example() -> None:
    torch.manual_seed(0)
    vae = mlp((1, 4, 4), Bernoulli(), latents=3, hidden=(8,)).double()
    terms = vae((torch.rand(6, 1, 4, 4) > 0.5).double(), draws=4)
    code = terms.draw.code
    first = Code(*(each[::4] for each in code))
    assert torch.equal(first.mean, code.mean[1::4]) and not torch.equal(first.z, code.z[1::4])
    both, plain = (objective(4, penalties=p) for p in ((MMD(3.0),), ()))
    more = float(both.loss(terms, 1.0) - plain.loss(terms, 1.0))
    assert more == pytest.approx(3.0 * float(MMD(1.0)(first, 0)), rel=1e-9)
    assert abs(more) > 0.01


# --- what it bounds -------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [0.6, -0.5])
def test_the_expected_loss_falls_to_log_px_with_the_draws_and_never_below(off: float) -> None:
    vae = tiny(off)
    losses = [expected(vae, draws) for draws in (1, 2, 3)]
    with torch.no_grad():
        rate = float(vae(images(1)).rate)
        mean, log_var = (float(part) for part in vae.encode(images(1)))
    # of one draw it is D + R, of which D is a sum of squares
    squares = (X - SLOPE * mean - SHIFT) ** 2 + SLOPE**2 * math.exp(log_var)
    distortion = 0.5 * (squares / SIGMA**2 + math.log(2 * math.pi * SIGMA**2))
    assert losses[0] == pytest.approx(distortion + rate, rel=1e-9)
    assert losses == sorted(losses, reverse=True)
    assert losses[2] > truth() + 1e-3
    with torch.no_grad():
        each = [
            float(objective(k).loss(vae(images(400), torch.Generator().manual_seed(k), draws=k), 1))
            for k in (10, 1000)
        ]
    # the mean of 400 has an error of about 0.02 at k = 10 and of 0.002 at k = 1,000
    assert losses[2] > each[0] - 0.06
    assert each[1] == pytest.approx(truth(), abs=0.01)


@pytest.mark.parametrize("beta", [1.0, 0.5, 0.2])
def test_up_to_1_any_beta_bounds_what_its_optimum_reaches(beta: float) -> None:
    for draws in (1, 2):
        at_best = expected(tiny(beta=beta), draws, beta)
        assert at_best == pytest.approx(truth(beta), rel=1e-9)  # all weights are alike there
    for off in (-0.5, 0.5):
        one, two, three = (expected(tiny(off, beta), draws, beta) for draws in (1, 2, 3))
        assert one > two > three > truth(beta) + 1e-4


def test_beyond_1_the_optimum_is_lost_from_k_over_k_minus_1_on() -> None:
    draws = 2  # so from β = 2 on
    for beta, sign in ((1.5, 1), (2.6, -1)):
        at_best = expected(tiny(beta=beta), draws, beta)
        for off in (-0.02, 0.02):
            assert sign * (expected(tiny(off, beta), draws, beta) - at_best) > 1e-6


# --- what cannot stand beside it ------------------------------------------------------------------


@pytest.mark.parametrize("draws", [0, -1, 2.0, True, "5", None])
def test_a_number_of_draws_that_is_none_is_refused(draws: Any) -> None:
    with pytest.raises(UserError, match=r"^objective\.draws must be a whole number of at least 1"):
        objective(draws)


@pytest.mark.parametrize(
    ("parts", "way_out"),
    [
        ({"controller": GECO(1.0)}, "a controller may set any: use controller=none, or objective"),
        ({"controller": ControlVAE(1.0)}, "use controller=none"),
        ({"shaping": Capacity(1.0)}, r"shaped \(Capacity\): use shaping=plain, or objective.draws"),
        ({"shaping": FreeBits(0.1)}, r"shaped \(FreeBits\): use shaping=plain"),
        ({"weight": 1.01}, "this one is 1.01: use objective.weight=1 or less, or objective.draws"),
    ],
)
def test_what_has_no_meaning_for_several_draws_is_refused(
    parts: dict[str, Any], way_out: str
) -> None:
    with pytest.raises(UserError, match=rf"^objective\.draws=5 .*{way_out}"):
        objective(5, **parts)
    objective(1, **parts)


def test_a_weight_is_read_in_its_convention_before_it_is_refused() -> None:
    mean = normalisation("mean")
    with pytest.raises(UserError, match=r"this one is 3\.92: use objective\.weight=0\.02551 or"):
        Objective(0.1, mean, 784, 20, draws=5)
    Objective(mean.weight(1.0, 784, 20), mean, 784, 20, draws=5)


@pytest.mark.parametrize(
    ("likelihood", "fits"),
    [
        (Gaussian(), False),
        (Laplace(), False),
        (Gaussian(mode="learned"), True),
        (Gaussian(sigma=0.5, mode="fixed"), True),
        (Bernoulli(), True),
    ],
)
def test_a_scale_that_is_fitted_to_the_batch_is_refused(likelihood: Likelihood, fits: bool) -> None:
    objective(1).check_likelihood(likelihood)
    if fits:
        objective(5).check_likelihood(likelihood)
        return
    with pytest.raises(UserError, match=r"^objective\.draws=5 .* use likelihood\.mode=learned, or"):
        objective(5).check_likelihood(likelihood)
