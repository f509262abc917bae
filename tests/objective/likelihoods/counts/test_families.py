"""The likelihoods of counts against SciPy: mass, mean, samples, totals, dispersion and support."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import (
    Likelihood,
    Multinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)

N = 6
FREE: dict[str, Callable[[], Likelihood]] = {
    "poisson": Poisson,
    "negative binomial, shared": lambda: NegativeBinomial(mode="shared", dispersion=2.5),
    "negative binomial, of z": lambda: NegativeBinomial(mode="decoder", dispersion=2.5),
    "inflated poisson": ZeroInflatedPoisson,
    "inflated negative binomial": lambda: ZeroInflatedNegativeBinomial(mode="decoder"),
}
START = {  # θ at an output of 0
    "negative binomial, shared": 2.5,
    "negative binomial, of z": 2.5,
    "inflated negative binomial": 1.0,
}
SCALED: dict[str, Callable[[], Likelihood]] = {
    "poisson": lambda: Poisson("row"),
    "negative binomial": lambda: NegativeBinomial("row", mode="per_dimension"),
    "inflated poisson": lambda: ZeroInflatedPoisson("row"),
    "inflated negative binomial": lambda: ZeroInflatedNegativeBinomial("row", mode="decoder"),
    "multinomial": Multinomial,
}
ALL = {**{f"{k}, free": v for k, v in FREE.items()}, **SCALED}


def counted(n: int = 40, *, seed: int = 0, scale: float = 30.0) -> Tensor:
    """(n, N) counts of all sizes, a row of zeros among them."""
    generator = torch.Generator().manual_seed(seed)
    rates = scale * torch.rand(n, N, generator=generator, dtype=torch.float64) ** 4
    x = torch.poisson(rates, generator=generator)
    x[0] = 0
    return x


def made(make: Callable[[], Likelihood], x: Tensor) -> Likelihood:
    """A likelihood in double precision that has seen `x` once, as at the start of a run."""
    likelihood = make().suit((N,)).double()
    likelihood.remember(likelihood.statistic(torch.zeros_like(x), x))
    return likelihood.eval().requires_grad_(False)


def outputs(likelihood: Likelihood, n: int = 40) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, *likelihood.output_shape((N,)), generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", FREE)
def test_free_rates_are_exponentials_about_the_mean_count(name: str) -> None:
    x = counted()
    likelihood = made(FREE[name], x)
    params = outputs(likelihood)
    first, *rest = (part.numpy() for part in params.unflatten(1, (-1, N)).unbind(1))
    rate = np.exp(first) * x.mean().item()
    if "negative" in name:
        of = START[name] * np.exp(rest[0] if likelihood.outputs > 1 else 0.0)
        mass = stats.nbinom.logpmf(x.numpy(), of, of / (of + rate))
    else:
        mass = stats.poisson.logpmf(x.numpy(), rate)
    mean = rate
    if "inflated" in name:
        part = 1 / (1 + np.exp(-rest[-1]))
        mass = np.log(np.where(x == 0, part, 0) + (1 - part) * np.exp(mass))
        mean = (1 - part) * rate
    # θ goes through a soft edge: 1e-5 of log θ at the most, for masses with slopes of up to 10.
    tolerance = 1e-3 if "negative" in name else 1e-8
    found = likelihood.log_prob(params, x).numpy()
    np.testing.assert_allclose(found, mass.sum(1), rtol=0, atol=tolerance)
    np.testing.assert_allclose(likelihood.mean(params).numpy(), mean, rtol=1e-9)
    assert torch.equal(likelihood.mean_given(params, x), likelihood.mean(params))


def test_an_output_of_zero_is_the_mean_of_the_first_examples_for_good() -> None:
    likelihood = Poisson()
    x = counted().float()
    assert likelihood.unset
    likelihood.remember(likelihood.statistic(torch.zeros(40, N), x))
    assert not likelihood.unset
    assert likelihood.statistic(torch.zeros(40, N), 5 * x) is None
    likelihood.remember(None)
    assert likelihood.mean(torch.zeros(1, N))[0].tolist() == pytest.approx([float(x.mean())] * N)


@pytest.mark.parametrize("name", SCALED)
def test_scaled_rates_add_up_to_the_total_of_the_row(name: str) -> None:
    x = counted()
    likelihood = made(SCALED[name], x)
    params = outputs(likelihood)
    params[:, -N:] += -60.0 * ("inflated" in name)  # hardly a zero too many
    given = likelihood.mean_given(params, x)
    # a row without a count has the least rates there are
    torch.testing.assert_close(given.sum(1), x.sum(1), rtol=1e-9, atol=1e-10)
    shares = given[1:] / given[1:].sum(1, keepdim=True)
    torch.testing.assert_close(shares, params[1:, :N].softmax(1), rtol=1e-9, atol=0)
    unknown = likelihood.mean(params)
    torch.testing.assert_close(unknown.sum(1), x.sum(1).mean().expand(40), rtol=1e-9, atol=0)
    assert float(likelihood.log_prob(params, x)[0]) == pytest.approx(0, abs=1e-9)


def test_the_mean_total_is_that_of_all_batches() -> None:
    likelihood = Multinomial()
    batches = [counted(seed=seed).float() for seed in range(4)]
    for batch in batches:
        likelihood.remember(likelihood.statistic(torch.zeros(40, N), batch))
    total = likelihood.mean(torch.zeros(1, N)).sum()
    torch.testing.assert_close(total, torch.cat(batches).sum(1).mean())
    assert likelihood.eval().statistic(torch.zeros(40, N), batches[0]) is None
    with pytest.raises(UserError, match=r"likelihood\.total=row learns the mean total"):
        likelihood.remember(None)


def test_a_multinomial_is_scipys() -> None:
    x = counted(scale=1e5)
    likelihood = made(Multinomial, x)
    params = outputs(likelihood)
    p = params.softmax(1).numpy()
    expected = [
        stats.multinomial.logpmf(row, n=int(row.sum()), p=of / of.sum())
        for row, of in zip(x.numpy(), p, strict=True)
    ]
    # SciPy's own form subtracts logarithms of factorials of up to 1e6 nats.
    np.testing.assert_allclose(
        likelihood.log_prob(params, x).numpy(), expected, rtol=1e-9, atol=1e-8
    )


def test_a_scaled_poisson_is_a_multinomial_and_what_its_total_costs() -> None:
    x = counted(scale=1e4)
    params = outputs(Poisson())
    both = [made(make, x).log_prob(params, x) for make in (lambda: Poisson("row"), Multinomial)]
    n = x.sum(1).numpy()
    np.testing.assert_allclose((both[0] - both[1]).numpy(), stats.poisson.logpmf(n, n), atol=1e-8)


@pytest.mark.parametrize("logit", [-80.0, 80.0])
def test_inflation_near_none_and_near_all(logit: float) -> None:
    x = counted().float()
    params = outputs(ZeroInflatedPoisson()).float()
    params[:, N:] = logit
    inflated, plain = ZeroInflatedPoisson().eval(), Poisson().eval()
    found = inflated.log_prob_each(params, x)
    within = plain.log_prob_each(params[:, :N], x)
    if logit < 0:
        torch.testing.assert_close(found, within)
    else:  # 0 is certain, and anything else has e^-80 of its mass
        assert (found[x == 0].abs() < 1e-30).all()
        torch.testing.assert_close(found[x > 0], within[x > 0] - logit)


def test_the_dispersion_is_one_or_of_each_dimension_or_of_z() -> None:
    shared, each, of_z = (NegativeBinomial(mode=m) for m in ("shared", "per_dimension", "decoder"))
    assert [one.output_shape((3, 4)) for one in (shared, each, of_z)] == [(3, 4), (3, 4), (6, 4)]
    assert not list(each.parameters())
    for one in (shared, each, of_z):
        one.suit((3, 4))
    assert [sum(p.numel() for p in one.parameters()) for one in (shared, each, of_z)] == [1, 12, 0]
    kept = next(each.parameters())
    each.suit((3, 4))
    assert next(each.parameters()) is kept
    x = torch.poisson(torch.full((50, 3, 4), 5.0))
    each.log_prob(torch.zeros(50, 3, 4), x).sum().backward()
    assert kept.grad is not None
    assert (kept.grad != 0).all()
    with pytest.raises(UserError, match=r"call likelihood.suit\(shape\)"):
        NegativeBinomial(mode="per_dimension").log_prob(torch.zeros(50, 3, 4), x)


@pytest.mark.parametrize("name", ALL)
def test_samples_have_its_mean_and_repeat_with_the_seed(name: str) -> None:
    x = counted(400)
    likelihood = made(ALL[name], x)
    params = outputs(likelihood, 1)
    many = params.expand(4000, -1)
    torch.manual_seed(0)
    drawn = likelihood.sample(many)
    torch.manual_seed(0)
    assert torch.equal(drawn, likelihood.sample(many))
    likelihood.check(drawn)
    error = drawn.std(0) / 4000**0.5
    assert ((drawn.mean(0) - likelihood.mean(params)[0]).abs() < 4.5 * error + 1e-9).all()
    if name == "multinomial":  # every draw has the mean total
        assert drawn.sum(1).unique().tolist() == [round(float(x.sum(1).mean()))]
    elif "negative" in name:
        assert (drawn.var(0) > 1.3 * drawn.mean(0)).any()


WRONG = {"negative numbers": [1.0, -2.0], "fractions": [0.0, 1.5]}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", ALL)
def test_what_is_no_count_is_refused_in_one_line(name: str, what: str) -> None:
    likelihood = ALL[name]()
    with pytest.raises(UserError, match=f"the data has {what}, such as .* not counts") as refused:
        likelihood.check(torch.tensor([WRONG[what]]))
    assert "standardise=false" in str(refused.value)
    assert "\n" not in str(refused.value)
    likelihood.check(counted())


SETTINGS = {
    "likelihood.total is row": lambda: Poisson("mean"),  # type: ignore[arg-type]
    "likelihood.mode is shared": lambda: NegativeBinomial(mode="gene"),  # type: ignore[arg-type]
    "likelihood.dispersion is θ": lambda: NegativeBinomial(dispersion=0.0),
    "likelihood.lr_factor must be": lambda: NegativeBinomial(lr_factor=-1.0),
}


@pytest.mark.parametrize("message", SETTINGS)
def test_settings_that_cannot_be_are_refused(message: str) -> None:
    with pytest.raises(UserError, match=message):
        SETTINGS[message]()
