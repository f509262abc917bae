"""A family: one model conditioned on β, and the ordinary models that it holds."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from betafront.errors import UserError
from betafront.models import VAE, conv, fresh_model, hierarchical, linear, mlp, multirate, resnet
from betafront.models.multirate import MultiRate
from betafront.objective import Bernoulli, DiscretizedLogistic, Gaussian, Laplace, Likelihood

SMALL, LARGE = (1, 8, 8), (1, 32, 32)


def own(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    """A user's own: batch normalisation, groups, a layer without a bias, tied and computed weights,
    and two heads."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(4)
            self.dense = weight_norm(nn.Linear(64, 8))
            self.mean, self.log_var = nn.Linear(8, 2), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.relu(self.dense(torch.relu(self.norm(self.first(x))).flatten(1)))
            return self.mean(h), self.log_var(h)

    tied = nn.Linear(8, 8)
    other = nn.Linear(8, 8)
    other.weight = tied.weight
    decoder = nn.Sequential(
        nn.LazyLinear(8), nn.LayerNorm(8), tied, nn.Tanh(), other, nn.Linear(8, 64, bias=False),
        nn.Unflatten(1, (4, 4, 4)), nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1, groups=2),
        nn.Conv2d(4, likelihood.output_shape(shape)[0], 1),
    )  # fmt: skip
    return VAE(Encoder(), decoder, likelihood, 2)


PLAIN = partial(mlp, latents=3, hidden=(16,))


def family(
    of: Callable[..., VAE] = PLAIN,
    likelihood: Likelihood | None = None,
    shape: tuple[int, ...] = SMALL,
    **settings: Any,
) -> MultiRate:
    """A family whose members differ: what conditions it is drawn at random."""
    torch.manual_seed(0)
    made = fresh_model(partial(multirate, of=of, **settings), likelihood or Gaussian(), shape)
    assert isinstance(made, MultiRate)
    with torch.no_grad():
        for parameter in [*made.hooks.parameters(), *_spread_of(made)]:
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made.eval()


def _spread_of(made: MultiRate) -> list[nn.Parameter]:
    spread = getattr(made.likelihood, "spread", None)
    return [] if spread is None else list(spread.parameters())


def values(model: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log p(x|z), the rates and E[x|z], with the same noise each time."""
    draw = model.infer(x, torch.Generator().manual_seed(1))
    seen = model.observe(draw.z, x, mean=True)
    assert seen.mean is not None
    return seen.log_px, draw.kl, seen.mean


@pytest.mark.parametrize(
    ("of", "shape"),
    [
        (partial(mlp, latents=3, hidden=(16,)), SMALL),
        (partial(linear, latents=3), SMALL),
        (partial(conv, latents=3, width=4, hidden=8), SMALL),
        (partial(conv, latents=[2, 4, 4], width=4), SMALL),
        (partial(resnet, latents=3, width=4), LARGE),
        (partial(hierarchical, latents=[3, 2], hidden=[8, 8]), SMALL),
        (own, SMALL),
    ],
    ids=["mlp", "linear", "conv", "spatial", "resnet", "hierarchical", "own"],
)
@pytest.mark.parametrize("kind", ["film", "gates"])
def test_a_member_is_the_family_at_its_beta_and_an_ordinary_model(
    of: Callable[..., VAE], shape: tuple[int, ...], kind: str
) -> None:
    if kind == "gates" and "linear" in str(of):
        with pytest.raises(UserError, match="no dense, convolutional or normalising layer"):
            family(of, shape=shape, kind=kind)
        return
    made, x = family(of, shape=shape, kind=kind), torch.rand(5, *shape)
    seen = []
    for beta in (0.01, 0.7, 10.0):
        made.stand_at(beta)
        member, found = made.at(beta), values(made, x)
        for one, other in zip(values(member, x), found, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
        seen.append(found[0])
        plain = fresh_model(of, Gaussian(), shape)
        assert type(member) is type(plain)
        plain.load_state_dict(member.state_dict())  # the weights of the plain architecture
    assert not torch.allclose(seen[0], seen[2], rtol=1e-2)


@pytest.mark.parametrize(
    "likelihood",
    [
        partial(Gaussian, mode="optimal"),
        partial(Gaussian, mode="learned", sigma=0.2),
        partial(Laplace, mode="learned"),
        partial(Gaussian, mode="fixed", sigma=0.5),
        partial(DiscretizedLogistic, levels=17),
        Bernoulli,
    ],
)
def test_each_example_is_trained_at_its_own_beta(likelihood: Callable[[], Likelihood]) -> None:
    made, x = family(likelihood=likelihood()), (torch.rand(6, *SMALL) * 16).round() / 16
    terms = made.train()(x, torch.Generator().manual_seed(2))
    made.eval()
    assert terms.varied is not None
    assert len(set(terms.varied.beta.tolist())) == len(x)
    normal = torch.Generator().manual_seed(2)
    torch.randperm(len(x), generator=normal), torch.rand(len(x), generator=normal)  # the β
    noise = torch.randn(len(x), made.latents, generator=normal)
    for i, beta in enumerate(terms.varied.beta.tolist()):
        member = made.at(beta)
        posterior = member.encode(x[i : i + 1])
        z = posterior.at(noise[i : i + 1])
        torch.testing.assert_close(
            member.log_px(z, x[i : i + 1])[0], terms.log_px[i], rtol=1e-4, atol=1e-3
        )
        torch.testing.assert_close(member.kl(posterior, z)[0], terms.kl[i], rtol=1e-4, atol=1e-4)


def test_the_betas_of_a_batch_are_spread_over_the_range() -> None:
    made = family(low=0.1, high=10.0).train()
    x = torch.rand(20, *SMALL)
    beta = made(x, torch.Generator().manual_seed(0)).varied.beta
    part = torch.log(beta.sort().values / 0.1) / torch.log(torch.tensor(100.0)) * 20
    assert part.floor().tolist() == list(range(20))
    with made.spread(0, 1000) as varied:
        median = varied.beta.median().item()
        torch.testing.assert_close(varied.share, 1 / (1 + varied.beta))
    assert median == pytest.approx(1.0, rel=0.02)


def test_a_scale_that_is_a_function_of_beta_is_that_of_each_member() -> None:
    for mode in ("learned", "optimal"):
        made = family(likelihood=Gaussian(mode=mode))
        assert made.likelihood.sigma == pytest.approx(made.at(made.beta).likelihood.sigma)
        assert made.at(0.01).likelihood.sigma != pytest.approx(made.at(10).likelihood.sigma)
        assert made.at(1).likelihood.spread.mode == mode


def test_copies_have_their_own_weights() -> None:
    made, x = family(), torch.rand(3, *SMALL)
    copied, before = deepcopy(made), made.at(0.1)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(1.0)
    for one, other in zip(values(made.at(0.1), x), values(before, x), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert not torch.allclose(values(copied, x)[0], values(made, x)[0])
    assert torch.allclose(values(copied.at(0.1), x)[1], _standing(copied, 0.1, x)[1], atol=1e-3)


def _standing(made: MultiRate, beta: float, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    made.stand_at(beta)
    return values(made, x)


def test_its_weights_are_kept_and_read_again() -> None:
    made = family()
    other = fresh_model(
        partial(multirate, of=partial(mlp, latents=3, hidden=(16,))), Gaussian(), SMALL
    )
    other.load_state_dict(made.state_dict())
    assert isinstance(other, MultiRate)
    x = torch.rand(3, *SMALL)
    for one, other_one in zip(values(other.eval().at(2), x), values(made.at(2), x), strict=True):
        torch.testing.assert_close(one, other_one, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"low": 1, "high": 0.1}, "the lower first"),
        ({"low": 0}, "above 0"),
        ({"points": 1}, "model.points"),
        ({"kind": "gate"}, "film or gates"),
        ({"balance": 2}, "from 0 to 1"),
        ({"likelihood": Gaussian(calibrate=True)}, "calibrate"),
        ({"of": lambda shape, likelihood: nn.Linear(1, 1)}, "model.of"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        family(**settings)


def test_a_beta_outside_the_range_is_refused_and_its_ends_are_not() -> None:
    made = family(low=0.1, high=10)
    made.at(0.1), made.at(10), made.at(10 + 1e-9)
    for beta in (0.09, 11, float("nan")):
        with pytest.raises(UserError, match=r"outside the range 0\.1 to 10"):
            made.at(beta)
