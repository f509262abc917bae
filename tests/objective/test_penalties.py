"""Penalties: by hand, in closed form, and at the same weight in every convention."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor
from torch.distributions import Normal

from betafront.errors import UserError
from betafront.objective import (
    DIP,
    MMD,
    NORMALISATIONS,
    Code,
    Draw,
    Normalisation,
    Objective,
    Penalty,
    Terms,
    TotalCorrelation,
    decompose,
    normalisation,
)

EXAMPLES = 1000
PENALTIES: tuple[Penalty, ...] = (
    TotalCorrelation(1.0),
    DIP(1.0),
    DIP(1.0, kind="ii", diagonal=1.0),
    MMD(1.0),
)
every_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=str)


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def code_of(mean: Tensor, log_var: Tensor, noise: Tensor) -> Code:
    return Code(mean + torch.exp(0.5 * log_var) * noise, mean, log_var)


def some_code(batch: int = 6, latents: int = 3) -> Code:
    return code_of(*draws(3, batch, latents))


def terms_of(log_px: Tensor, kl: Tensor, code: Code) -> Terms:
    return Terms(log_px, kl, Draw(code.z, kl, code=code))


# --- all of them ----------------------------------------------------------------------------------


@every_penalty
def test_the_gradient_is_the_numeric_derivative(penalty: Penalty) -> None:
    mean, log_var, noise = draws(3, 6, 3)

    def value(mean: Tensor, log_var: Tensor) -> Tensor:
        return penalty(code_of(mean, log_var, noise), EXAMPLES)

    inputs = (mean.requires_grad_(), log_var.requires_grad_())
    assert torch.autograd.gradcheck(value, inputs)
    slopes = torch.autograd.grad(value(*inputs), inputs, allow_unused=True)
    assert float(slopes[0].norm()) > 1e-3  # there is one


@every_penalty
@pytest.mark.parametrize(("batch", "latents"), [(2, 1), (2, 3), (5, 1)])
def test_the_smallest_batches_and_codes(penalty: Penalty, batch: int, latents: int) -> None:
    code = some_code(batch, latents)
    mean = code.mean.requires_grad_()
    value = penalty(code._replace(z=mean + code.z - code.mean.detach(), mean=mean), EXAMPLES)
    assert value.shape == ()
    assert torch.isfinite(value)
    (slope,) = torch.autograd.grad(value, mean)
    assert torch.isfinite(slope).all()


@every_penalty
@pytest.mark.parametrize(
    "convention", NORMALISATIONS.values(), ids=lambda convention: convention.name
)
def test_a_weight_means_the_same_in_every_convention(
    penalty: Penalty, convention: Normalisation
) -> None:
    code = some_code()
    z, mean, log_var = (part.requires_grad_() for part in code)
    log_px = draws(6, seed=1).requires_grad_()
    terms = terms_of(log_px, draws(6, 3, seed=2).abs(), Code(z, mean, log_var))
    heavier = type(penalty)(**{**vars(penalty), "weight": 2.5})
    objective = Objective(0.7, convention, 16, 3, EXAMPLES, penalties=[heavier])
    step = objective.step(terms, 1.0, objective.start())
    by_px, by_z, by_mean = torch.autograd.grad(step.loss, (log_px, z, mean), materialize_grads=True)
    plain = penalty(Code(z, mean, log_var), EXAMPLES)
    alone = torch.autograd.grad(plain, (z, mean), materialize_grads=True)
    per_distortion = -by_px.sum()  # dL/dD
    for slope, own in zip((by_z, by_mean), alone, strict=True):
        torch.testing.assert_close(slope / per_distortion, 2.5 * own, rtol=1e-12, atol=1e-15)
    assert float(step.penalty) == pytest.approx(2.5 * float(plain), rel=1e-14)
    assert not step.penalty.requires_grad


def test_penalties_add_up() -> None:
    code = some_code()
    terms = terms_of(torch.zeros(6).double(), torch.zeros(6, 3).double(), code)
    both = (TotalCorrelation(2.0), MMD(3.0))
    objective = Objective(1.0, normalisation("sum"), 16, 3, EXAMPLES, penalties=both)
    expected = 2 * TotalCorrelation(1.0)(code, EXAMPLES) + 3 * MMD(1.0)(code, EXAMPLES)
    assert float(objective.loss(terms, 1.0)) == pytest.approx(float(expected), rel=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        *(
            (lambda make=make, v=v: make(v), r"the weight of \w+ must be .* not")
            for make in (TotalCorrelation, DIP, MMD)
            for v in (-1.0, math.inf, math.nan)
        ),
        (lambda: DIP(1.0, kind="iii"), r"penalty\.dip\.kind is i or ii, not 'iii'"),  # type: ignore[arg-type]
        *(
            (lambda v=v: DIP(1.0, diagonal=v), r"penalty\.dip\.diagonal must be .* not")
            for v in (-1.0, math.inf, math.nan)
        ),
        *(
            (lambda v=v: MMD(1.0, bandwidth=v), r"penalty\.mmd\.bandwidth must be .* not")
            for v in (0.0, -1.0, math.inf, math.nan)
        ),
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], Penalty], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


# --- total correlation ----------------------------------------------------------------------------


def test_beta_tcvae_is_a_weight_of_one_and_the_rest_on_the_total_correlation() -> None:
    """D + MI + (1 + λ) · TC + Σ KL(q(z_j) || p(z_j)), as long as the rate is sampled as the parts
    are (the analytic KL has the same mean)."""
    code, log_px = some_code(), draws(6, seed=1)
    sampled = Normal(code.mean, torch.exp(0.5 * code.log_var)).log_prob(code.z)
    sampled = sampled - Normal(torch.zeros(()).double(), 1.0).log_prob(code.z)
    objective = Objective(
        1.0, normalisation("sum"), 16, 3, EXAMPLES, penalties=[TotalCorrelation(4.0)]
    )
    loss = objective.loss(terms_of(log_px, sampled, code), 1.0)
    parts = decompose(code, EXAMPLES)
    expected = (
        -log_px.mean()
        + parts.mutual_information
        + 5 * parts.total_correlation
        + parts.dimension_wise
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-13)  # float64


def test_the_sampled_rate_has_the_mean_of_the_analytic_one() -> None:
    mean, log_var = draws(2, 8, 3)
    analytic = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1).mean()
    noise = draws(4000, 8, 3, seed=3)
    sums = torch.stack([sum(decompose(code_of(mean, log_var, n), EXAMPLES)) for n in noise])  # type: ignore[arg-type]
    error = float(sums.std()) / math.sqrt(len(sums))
    assert float(sums.mean()) == pytest.approx(float(analytic), abs=4 * error)
    assert error < 0.02 * float(analytic)  # which says something


# --- DIP ------------------------------------------------------------------------------------------

# Deviations of -2, 2, 0 and -1, 0, 1: variances of 4 and 1, a covariance of 1 (over B - 1 = 2).
MEANS = torch.tensor([[0.0, 5.0], [4.0, 6.0], [2.0, 7.0]], dtype=torch.float64)
VARIANCES = torch.tensor([[1.0, 0.5], [2.0, 0.5], [3.0, 0.5]], dtype=torch.float64)  # means 2, 0.5


@pytest.mark.parametrize(
    ("kind", "diagonal", "expected"),
    [
        ("i", 10.0, 2 * 1**2 + 10 * ((4 - 1) ** 2 + (1 - 1) ** 2)),
        ("i", 0.0, 2.0),
        # The law of total covariance adds the mean variances of q(z|x): 6 and 1.5.
        ("ii", 1.0, 2 * 1**2 + (6 - 1) ** 2 + (1.5 - 1) ** 2),
        ("ii", 4.0, 2 * 1**2 + 4 * ((6 - 1) ** 2 + (1.5 - 1) ** 2)),
    ],
)
def test_dip_by_hand(kind: str, diagonal: float, expected: float) -> None:
    penalty = DIP(1.0, kind=kind, diagonal=diagonal)  # type: ignore[arg-type]
    code = code_of(MEANS, VARIANCES.log(), draws(3, 2))
    assert float(penalty(code, EXAMPLES)) == pytest.approx(expected, rel=1e-14)  # float64


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_dip_of_a_whitened_code_is_zero(kind: str) -> None:
    mean = draws(50, 4)
    mean = mean - mean.mean(0)
    root = torch.linalg.cholesky(mean.T @ mean / 49)
    mean = torch.linalg.solve_triangular(root, mean.T, upper=False).T
    noise = 0.0 if kind == "i" else 0.3  # of the variance, which the means then leave to it
    # The squares of float64's rounding, 16 of them
    log_var = torch.full_like(mean, math.log(noise or 0.7))
    code = code_of(math.sqrt(1 - noise) * mean, log_var, mean)
    assert float(DIP(1.0, kind=kind)(code, EXAMPLES)) == pytest.approx(0, abs=1e-28)  # type: ignore[arg-type]
    assert float(DIP(1.0, kind=kind)(some_code(50, 4), EXAMPLES)) > 0.1  # type: ignore[arg-type]


def test_a_large_variance_does_not_drown_a_covariance() -> None:
    # A variance of 10⁶ and a covariance of 1000 · (1 - 0.99) / 2 = 5; the square of the variance
    # alone is rounded to 60,000 in float32.
    mean = torch.tensor([[-1000.0, -1.0], [1000.0, -0.99], [0.0, 2.0]])
    code = Code(mean, mean, torch.zeros_like(mean))
    # 0.99 is rounded at 6e-8, of which 0.01 is left
    assert float(DIP(1.0, diagonal=0.0)(code, EXAMPLES)) == pytest.approx(50, rel=1e-4)


def test_dip_ii_is_of_the_covariance_of_z() -> None:
    # E over the noise of the covariance of z itself: 3 examples with 100,000 draws each.
    log_var = VARIANCES.log()
    z = MEANS + torch.exp(0.5 * log_var) * draws(100_000, 3, 2)
    centred = z - z.mean(1, keepdim=True)
    covariance = torch.einsum("sbi,sbj->ij", centred, centred) / (100_000 * 2)
    # Chi squared-like: a relative standard error of √(2 / 200,000) = 0.3 %, of which four
    assert covariance.diagonal().tolist() == pytest.approx([6, 1.5], rel=0.013)
    assert float(covariance[0, 1]) == pytest.approx(1, abs=4 * math.sqrt(6 * 1.5 / 200_000))


# --- MMD ------------------------------------------------------------------------------------------


def of(z: Tensor) -> Code:
    return Code(z, torch.zeros_like(z), torch.zeros_like(z))


@pytest.mark.parametrize("bandwidth", [0.5, 1.0, 3.0])
def test_mmd_of_one_latent_by_numeric_integration(bandwidth: float) -> None:
    z, grid = np.array([-0.7, 0.2, 1.9]), np.linspace(-10, 10, 801)
    prior = stats.norm.pdf(grid) * (grid[1] - grid[0])  # sums of a Gaussian's values are integrals

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(-((a[:, None] - b) ** 2) / (2 * bandwidth**2))

    among = kernel(z, z)[~np.eye(3, dtype=bool)].mean()
    expected = among - 2 * (kernel(z, grid) @ prior).mean() + prior @ kernel(grid, grid) @ prior
    value = MMD(1.0, bandwidth)(of(torch.tensor(z).view(3, 1)), EXAMPLES)
    # The sum over a grid 20 times as fine as the kernel is exact to the prior's tails, e^-50.
    assert float(value) == pytest.approx(expected, abs=1e-13)


def test_mmd_of_several_latents_by_draws_from_the_prior() -> None:
    z, draws_of_prior = 1 + 2 * draws(5, 3), draws(200_000, 3, seed=1)
    square = 3 * 0.8**2  # h² = M · bandwidth²

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-((a - b) ** 2).sum(-1) / (2 * square))

    among = [kernel(z[i], z[j]) for i in range(5) for j in range(5) if i != j]
    to_prior = torch.stack([kernel(a, draws_of_prior) for a in z]).mean(0)  # (draws,)
    prior = kernel(draws_of_prior[::2], draws_of_prior[1::2])
    expected = torch.stack(among).mean() - 2 * to_prior.mean() + prior.mean()
    error = math.hypot(
        2 * float(to_prior.std()) / math.sqrt(200_000), float(prior.std()) / math.sqrt(100_000)
    )
    value = float(MMD(1.0, 0.8)(of(z), EXAMPLES))
    assert value == pytest.approx(float(expected), abs=4 * error)
    assert 4 * error < 0.1 * abs(value)  # which says something


@pytest.mark.parametrize(
    ("shift", "spread", "latents"), [(0.0, 1.0, 1), (0.0, 1.0, 4), (0.7, 0.5, 4), (0.0, 1.6, 2)]
)
def test_mmd_is_unbiased(shift: float, spread: float, latents: int) -> None:
    """Over batches of 8 from N(m, s²): a difference of two draws with variance v about m has an
    expected kernel of (h²/(h² + v))^(M/2) · exp(-|m|²/(2(h² + v)))."""
    square = latents * 1.0

    def expected_kernel(variance: float, shift: float) -> float:
        total = square + variance
        return (square / total) ** (latents / 2) * math.exp(-latents * shift**2 / (2 * total))

    truth = (
        expected_kernel(2 * spread**2, 0)
        - 2 * expected_kernel(1 + spread**2, shift)
        + expected_kernel(2, 0)
    )
    z = shift + spread * draws(20_000, 8, latents)
    found = torch.func.vmap(lambda batch: MMD(1.0)(of(batch), EXAMPLES))(z)
    error = float(found.std()) / math.sqrt(len(found))
    assert float(found.mean()) == pytest.approx(truth, abs=4 * error)
    assert error < 1e-3
    if (shift, spread) == (0.0, 1.0):
        assert truth == pytest.approx(0, abs=1e-15)
        assert float(found.min()) < 0  # as an unbiased estimate of 0 must be
    else:
        assert truth > 10 * error


@pytest.mark.parametrize("latents", [1, 10])
def test_a_collapsed_code_differs_from_the_prior(latents: int) -> None:
    # All at the origin: 1 - 2 · (h²/(h² + 1))^(M/2) + (h²/(h² + 2))^(M/2), by the formula above.
    h = latents
    expected = 1 - 2 * (h / (h + 1)) ** (latents / 2) + (h / (h + 2)) ** (latents / 2)
    value = float(MMD(1.0)(of(torch.zeros(6, latents).double()), EXAMPLES))
    assert value == pytest.approx(expected, rel=1e-12)
    assert value > 0.1


def test_each_kind_of_dip_has_its_papers_ratio() -> None:
    assert (DIP(1.0).ratio, DIP(1.0, kind="ii").ratio, DIP(1.0, diagonal=3.0).ratio) == (10, 1, 3)
