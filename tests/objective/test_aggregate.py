"""The aggregate posterior from a batch: against brute force, closed forms, and every batch."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from betafront.objective import Code, Decomposition, decompose
from betafront.objective.aggregate import log_weights
from betafront.objective.likelihoods.gaussian import log_normal


def drawn(mean: Tensor, log_var: Tensor, seed: int = 0) -> Code:
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed), dtype=mean.dtype)
    return Code(mean + torch.exp(0.5 * log_var) * noise, mean, log_var)


def some_code(batch: int, latents: int, seed: int = 0) -> Code:
    generator = torch.Generator().manual_seed(seed)
    mean, log_var = torch.randn(2, batch, latents, generator=generator, dtype=torch.float64)
    return drawn(mean, log_var, seed + 1)


def values(parts: Decomposition) -> list[float]:
    return [float(part) for part in parts]


@settings(deadline=None)
@given(st.integers(2, 20), st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 99))
def test_the_parts_sum_to_the_sampled_rate(batch: int, more: int, latents: int, seed: int) -> None:
    code = some_code(batch, latents, seed)
    posterior = Normal(code.mean, torch.exp(0.5 * code.log_var))
    prior = Normal(torch.zeros(()).double(), 1.0)
    rate = (posterior.log_prob(code.z) - prior.log_prob(code.z)).sum(1).mean()
    # float64; the parts are some tens of nats in size and cancel in part
    assert float(sum(decompose(code, batch + more))) == pytest.approx(float(rate), abs=1e-11)


@pytest.mark.parametrize("latents", [1, 3])
def test_the_whole_data_in_a_batch_is_exact(latents: int) -> None:
    code = some_code(40, latents)
    same = Categorical(torch.ones(40).double())
    posterior = Normal(code.mean, torch.exp(0.5 * code.log_var))
    log_qz = MixtureSameFamily(same, Independent(posterior, 1)).log_prob(code.z)
    each = Normal(code.mean.T, torch.exp(0.5 * code.log_var).T)  # (M, n): mixtures over examples
    same_each = Categorical(torch.ones(latents, 40).double())
    log_qz_each = MixtureSameFamily(same_each, each).log_prob(code.z)  # (n, M)
    log_pz = Normal(torch.zeros(()).double(), 1.0).log_prob(code.z)
    expected = (
        (posterior.log_prob(code.z).sum(1) - log_qz).mean(),
        (log_qz - log_qz_each.sum(1)).mean(),
        (log_qz_each - log_pz).sum(1).mean(),
    )
    torch.testing.assert_close(
        tuple(decompose(code, 40)), expected, rtol=1e-12, atol=1e-12
    )  # float64


@settings(deadline=None)
@given(st.integers(2, 50), st.integers(0, 10**6))
def test_the_weights_of_each_row_are_a_distribution(batch: int, more: int) -> None:
    weights = log_weights(batch, batch + more, torch.zeros((), dtype=torch.float64)).exp()
    assert weights.shape == (batch, batch)
    torch.testing.assert_close(weights.sum(1), torch.ones(batch).double(), rtol=1e-14, atol=0)
    assert weights.diagonal().tolist() == pytest.approx(batch * [1 / (batch + more)], rel=1e-14)


def test_over_all_batches_q_is_unbiased_and_steadier_than_the_stratified_weights() -> None:
    """Every batch of 4 out of 9, so that nothing is left to chance but rounding."""
    examples, batch = 9, 4
    code = some_code(examples, 2)
    # (n, n) densities of row's z under column's posterior
    density = log_normal((code.z.unsqueeze(1) - code.mean) ** 2, 0.5 * code.log_var).sum(-1).exp()
    weights = log_weights(batch, examples, density).exp()
    truth = density.mean(1)
    # Chen et al. 2018, C.2: 1/n for the example itself, (n - M)/(n M) for one other of the batch,
    # the stratum, and 1/M for the rest, with M = B - 1.
    others = batch - 1
    stratum = (examples - others) / (examples * others)
    for i in range(examples):
        rest = [j for j in range(examples) if j != i]
        ours, stratified = [], []
        for chosen in itertools.permutations(rest, others):
            near = density[i, list(chosen)]
            ours.append(weights[0, 0] * density[i, i] + weights[0, 1:] @ near)
            far = stratum * near[0] + near[1:].sum() / others
            stratified.append(density[i, i] / examples + far)
        mine, theirs = torch.stack(ours), torch.stack(stratified)
        torch.testing.assert_close(mine.mean(), truth[i], rtol=1e-12, atol=0)  # float64 sums
        torch.testing.assert_close(theirs.mean(), truth[i], rtol=1e-12, atol=0)
        assert mine.var() < theirs.var()


def test_a_collapsed_code_says_nothing() -> None:
    code = drawn(torch.zeros(64, 5).double(), torch.zeros(64, 5).double())
    # float64; all of q(z|x), q(z) and p(z) are one Gaussian
    assert values(decompose(code, 1000)) == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("examples", [64, 60_000])
def test_an_informative_code_says_which_example_it_was(examples: int) -> None:
    mean = torch.arange(64.0).double().view(64, 1) * torch.tensor([1.0, -2.0])
    code = drawn(mean, torch.full((64, 2), -12.0).double())
    # Neighbours are 400 standard deviations apart: nothing of them is left in float64.
    assert float(decompose(code, examples).mutual_information) == pytest.approx(math.log(examples))


@settings(deadline=None)
@given(
    st.integers(2, 16),
    st.integers(0, 1000),
    st.floats(-12, 3),
    st.floats(0, 50),
    st.integers(0, 99),
)
def test_no_code_says_more_than_which_example_it_was(
    batch: int, more: int, log_var: float, apart: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    mean = apart * torch.randn(batch, 3, generator=generator, dtype=torch.float64)
    code = drawn(mean, torch.full((batch, 3), log_var).double(), seed)
    information = float(decompose(code, batch + more).mutual_information)
    assert information <= math.log(batch + more) * (1 + 1e-12)  # float64


def test_a_code_on_a_grid_has_no_total_correlation() -> None:
    # Means on a product of grids with one variance each: q(z) is a product, at every z.
    first, second = torch.meshgrid(
        torch.tensor([-1.0, 0.5, 2.0]).double(), torch.linspace(-2, 1, 7).double(), indexing="ij"
    )
    mean = torch.stack([first.flatten(), second.flatten()], 1)
    code = drawn(mean, torch.tensor([-1.0, -2.0]).double().expand(21, 2))
    assert float(decompose(code, 21).total_correlation) == pytest.approx(0, abs=1e-12)  # float64
    # and one half of the grid has some: ln 2 of knowledge, washed out by the noise
    half = (first.flatten() > 0) == (second.flatten() > -0.5)
    part = drawn(mean[half], torch.full((int(half.sum()), 2), -6.0).double())
    assert float(decompose(part, len(part.z)).total_correlation) > 0.3


@pytest.mark.parametrize(("batch", "examples"), [(2000, 2000), (2000, 10**7)])
def test_a_gaussian_aggregate_has_the_parts_that_its_covariance_says(
    batch: int, examples: int
) -> None:
    """q(z) = N(0, C) with ones on C's diagonal, from posteriors with the variance 0.1."""
    noise, rng = 0.1, np.random.default_rng(0)
    c = np.array([[1.0, 0.7, 0.2], [0.7, 1.0, 0.0], [0.2, 0.0, 1.0]])
    root = np.linalg.cholesky(c - noise * np.eye(3))
    mean = torch.tensor(rng.standard_normal((batch, 3)) @ root.T)
    parts = decompose(drawn(mean, torch.full((batch, 3), math.log(noise)).double()), examples)
    determinant = float(np.linalg.det(c))
    information = 0.5 * math.log(determinant / noise**3)
    correlation = -0.5 * math.log(determinant)
    # Half a χ² with 3 degrees of freedom has a variance of 1.5, and two are compared: a standard
    # error below √(3/2000) = 0.04, of which three are allowed. A mixture of 2,000 kernels is rough
    # by (1 + 1/0.1)^1.5 / 2000 / 2 = 0.01.
    assert values(parts) == pytest.approx([information, correlation, 0.0], abs=0.13)
    assert 2 * 0.13 < correlation < information  # which tells them from 0 and from each other


def test_gradients_are_finite_far_from_the_prior() -> None:
    mean = (50 * torch.randn(16, 4, generator=torch.Generator().manual_seed(0))).requires_grad_()
    log_var = torch.linspace(-12, 2, 64).view(16, 4).requires_grad_()
    noise = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))
    z = mean + torch.exp(0.5 * log_var) * noise
    for part in decompose(Code(z, mean, log_var), 60_000):
        assert part.dtype == torch.float32
        assert torch.isfinite(part)
        for slope in torch.autograd.grad(part, (mean, log_var), retain_graph=True):
            assert torch.isfinite(slope).all()


@pytest.mark.parametrize(("batch", "examples"), [(1, 100), (8, 7), (2, 0)])
def test_a_batch_that_shows_no_aggregate_is_refused(batch: int, examples: int) -> None:
    with pytest.raises(ValueError, match=f"from {batch} of {examples} examples"):
        decompose(some_code(batch, 2), examples)
