"""Priors that a VAE may have: their densities, and what they are refused for."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from tests.support.models import learned_prior, two_layers
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from betafront.errors import UserError
from betafront.models import VAE, GaussianPrior, MakePrior, Posterior, VampPrior, check_model, mlp
from betafront.models.priors import Mixture
from betafront.objective import Gaussian

SHAPE, M, K = (1, 4, 4), 3, 5


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def normal(of: Posterior) -> Normal:
    return Normal(of.mean, (0.5 * of.log_var).exp())


def mixture_of_the_library(of: Posterior) -> MixtureSameFamily:
    components = Independent(normal(of), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(of.mean)).double()), components)


def model_with(make: MakePrior, seed: int = 0) -> VAE:
    torch.manual_seed(seed)
    vae = mlp(SHAPE, Gaussian(sigma=0.5, mode="fixed"), latents=M, hidden=(8,))
    vae.set_prior(make, SHAPE)
    vae.start_from(examples)
    return vae.double()


def examples(n: int, there: int = 50) -> Tensor:
    """Drawn examples, of which there are no more than `there`."""
    return torch.rand(min(n, there), *SHAPE, generator=torch.Generator().manual_seed(1))


# --- a learned Gaussian ---------------------------------------------------------------------------


def test_a_gaussian_prior_is_that_of_the_library() -> None:
    vae = model_with(GaussianPrior)
    prior = vae.p_z
    assert isinstance(prior, GaussianPrior)
    with torch.no_grad():
        prior.mean.copy_(noise(M))
        prior.log_var.copy_(noise(M, seed=1))
    posterior, z = Posterior(*noise(2, 7, M)), noise(7, M, seed=2)
    of_library = normal(prior.density)
    expected = kl_divergence(normal(posterior), of_library)
    torch.testing.assert_close(vae.kl(posterior, z), expected, rtol=1e-12, atol=1e-12)  # float64
    log_p = of_library.log_prob(z).sum(1)
    torch.testing.assert_close(vae.log_prior(z), log_p, rtol=1e-12, atol=1e-12)
    draws = vae.prior(100_000, torch.Generator().manual_seed(0))
    for found, right in ((draws.mean(0), of_library.mean), (draws.std(0), of_library.stddev)):
        # Four standard errors of either.
        assert ((found - right).abs() < 4 * of_library.stddev / 100_000**0.5).all()
    assert vae.analytic_rate
    assert not vae.factorised


# --- a mixture ------------------------------------------------------------------------------------


@pytest.mark.parametrize("narrow", [0.0, -12.0])  # σ of 1, and of 0.0025
def test_a_mixture_is_that_of_the_library(narrow: float) -> None:
    components = Posterior(3 * noise(K, M), noise(K, M, seed=1) + narrow)
    mixture, of_library = Mixture(components), mixture_of_the_library(components)
    near = components.mean.repeat(4, 1) + noise(4 * K, M, seed=2) * 0.002
    for z in (near, 4 * noise(20, M, seed=3)):
        expected = of_library.log_prob(z)
        # float64; what cancels is some (3 / 0.0025)² times as large as what is left
        torch.testing.assert_close(mixture.log_prob(z), expected, rtol=1e-9, atol=1e-8)
        torch.testing.assert_close(mixture.shares(z).sum(1), expected, rtol=1e-9, atol=1e-8)


def test_the_gradient_of_the_shares_is_that_of_the_density() -> None:
    components, z = Posterior(*noise(2, K, M).requires_grad_().unbind()), noise(6, M, seed=1)
    wanted = torch.autograd.grad(mixture_of_the_library(components).log_prob(z).sum(), components)
    found = torch.autograd.grad(Mixture(components).shares(z).sum(), components)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)  # float64


def test_a_latent_that_is_alike_in_all_components_has_its_own_density_for_its_share() -> None:
    """So that a latent that says nothing has a rate of nothing; what z tells of its component, from
    0 to log K, is shared by the others."""
    mean, log_var = noise(2, K, M)
    mean[:, 0], log_var[:, 0] = 0.5, -1.0
    z = 3 * noise(40, M, seed=1)
    mixture = Mixture(Posterior(mean, log_var))
    own = Posterior(mean[:1], log_var[:1]).log_prob(z)[:, 0]
    torch.testing.assert_close(mixture.shares(z)[:, 0], own, rtol=1e-9, atol=1e-9)  # float64
    one = Posterior(mean[:1].repeat(K, 1), log_var[:1].repeat(K, 1))  # no latent tells anything
    found = Mixture(one).shares(z)
    torch.testing.assert_close(found, Posterior(mean[:1], log_var[:1]).log_prob(z))


def test_draws_of_a_mixture_have_its_moments() -> None:
    components = Posterior(3 * noise(K, M), noise(K, M, seed=1))
    draws = Mixture(components).sample(100_000, torch.Generator().manual_seed(0))
    right = mixture_of_the_library(components)
    assert ((draws.mean(0) - right.mean).abs() < 4 * right.stddev / 100_000**0.5).all()
    torch.testing.assert_close(draws.var(0), right.variance, rtol=0.03, atol=0)


# --- the VampPrior --------------------------------------------------------------------------------

vamp = partial(VampPrior, components=K)


def test_a_vamp_prior_is_the_mixture_of_the_posteriors_of_its_pseudo_inputs() -> None:
    vae = model_with(vamp)
    inputs, z = vae.get_parameter("p_z.pseudo_inputs"), noise(9, M)
    assert inputs.equal(examples(K).double())
    right = mixture_of_the_library(vae.encode(inputs))
    torch.testing.assert_close(vae.log_prior(z), right.log_prob(z), rtol=1e-9, atol=1e-9)
    draw = vae.infer(examples(6).double(), torch.Generator().manual_seed(0), log_ratio=True)
    q = normal(vae.encode(examples(6).double())).log_prob(draw.z).sum(1)
    rate = q - right.log_prob(draw.z)
    torch.testing.assert_close(draw.kl.sum(1), rate, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(draw.log_ratio, -rate, rtol=1e-9, atol=1e-9)
    assert draw.code is None
    assert not vae.analytic_rate


def test_a_copy_of_a_model_has_its_own_encoder_in_its_prior() -> None:
    """As the average of the weights is one."""
    vae, z = model_with(vamp), noise(4, M)
    before, copied = vae.log_prior(z), deepcopy(vae)
    with torch.no_grad():
        for parameter in vae.encoder.parameters():
            parameter.mul_(2)
    assert copied.log_prior(z).equal(before)
    assert not vae.log_prior(z).allclose(before, atol=0.1)


def test_pseudo_inputs_stay_within_the_examples_of_their_channel() -> None:
    shape = (2, 3, 3)
    vae = mlp(shape, Gaussian(mode="fixed"), latents=M, hidden=(8,))
    vae.set_prior(vamp, shape)
    x = torch.rand(K, *shape) * torch.tensor([1.0, 5.0])[:, None, None]
    vae.start_from(lambda n: x[:n])
    inputs = vae.get_parameter("p_z.pseudo_inputs")
    with torch.no_grad():
        inputs += 100 * torch.randn(inputs.shape)
    vae.remember(None)
    for channel in (0, 1):
        assert float(inputs[:, channel].min()) == float(x[:, channel].min())
        assert float(inputs[:, channel].max()) == float(x[:, channel].max())


def test_a_layer_that_keeps_statistics_keeps_those_of_examples_alone() -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 2 * M))
    decoder = nn.Sequential(nn.Linear(M, 16), nn.Unflatten(1, SHAPE))
    vae, plain = (VAE(*deepcopy((encoder, decoder)), Gaussian(), M) for _ in range(2))
    vae.set_prior(vamp, SHAPE)
    vae.start_from(examples)
    for model in (vae.train(), plain.train()):
        model(examples(8), torch.Generator().manual_seed(0))
    found, right = vae.encoder.state_dict(), plain.encoder.state_dict()
    assert all(found[name].equal(right[name]) for name in right)
    assert all(module.training for module in vae.modules())


def test_gradients_reach_the_pseudo_inputs_and_a_model_with_them_keeps_the_contract() -> None:
    vae = model_with(vamp).float()
    check_model(vae, examples(2))
    vae(examples(4)).rate.sum().backward()
    assert float(vae.get_parameter("p_z.pseudo_inputs").grad.abs().min()) > 0


# --- refusals -------------------------------------------------------------------------------------


def numbers(n: int) -> Tensor:
    return torch.randint(9, (n, *SHAPE))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "own prior": (
        lambda: learned_prior(SHAPE, Gaussian()).set_prior(vamp, SHAPE),
        "LearnedPrior has a prior of its own, and takes no other: leave it at prior=standard",
    ),
    "layers": (lambda: two_layers(SHAPE, Gaussian()).set_prior(vamp, SHAPE), "TwoLayers has a "),
    "no number": (lambda: model_with(partial(VampPrior, components=0)), "at least 1, not 0"),
    "few examples": (
        lambda: model_with(vamp).start_from(partial(examples, there=4)),
        "prior.components=5 pseudo-inputs .* there are 4: take prior.components=4 or fewer",
    ),
    "symbols": (lambda: model_with(vamp).start_from(numbers), "are symbols.* prior=gaussian"),
    "no prior": (
        lambda: model_with(lambda model, shape: nn.Linear(2, 2)),
        "type Linear, and no betafront.models.Prior",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_one_line(name: str) -> None:
    refused, says = REFUSED[name]
    with pytest.raises(UserError, match=says) as caught:
        refused()
    assert "\n" not in str(caught.value)
