"""What every likelihood keeps: shapes, precision, finite numbers at the extremes, its conf."""

from collections.abc import Callable

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

from betafront import objective
from betafront.config.build import build
from betafront.errors import UserError
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
    Multinomial,
    NegativeBinomial,
    Poisson,
    Words,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)
from betafront.shipped import conf_dir

EXTREMES = [0.0, 1e-3, -1e-3, 100.0, -100.0, 1e4, -1e4]
REAL = [-1e4, -1.0, 0.0, 0.5, 1.0, 1e4]
UNIT = [0.0, 0.25, 0.5, 1.0]
OPEN = [2.0**-126, 0.5 / (4096 * 256), 0.5, 1 - 2.0**-24]  # least float32, least dequantised, …
LEVELS = [i / 3 for i in range(4)]
COUNTS = [0.0, 1.0, 7.0, 1e6]
CASES: dict[str, tuple[Callable[[], Likelihood], list[float]]] = {
    "gaussian fixed": (lambda: Gaussian(mode="fixed"), REAL),
    "gaussian learned": (lambda: Gaussian(mode="learned"), REAL),
    "gaussian optimal": (lambda: Gaussian(mode="optimal"), REAL),
    "laplace fixed": (lambda: Laplace(mode="fixed"), REAL),
    "laplace learned": (lambda: Laplace(mode="learned"), REAL),
    "laplace optimal": (lambda: Laplace(mode="optimal"), REAL),
    "gaussian per image": (GaussianPerImage, REAL),
    "beta": (Beta, OPEN),
    "bernoulli": (Bernoulli, [0.0, 1.0]),
    "continuous bernoulli": (ContinuousBernoulli, UNIT),
    "categorical": (lambda: Categorical(4), LEVELS),
    "logistic": (lambda: DiscretizedLogistic(4), LEVELS),
    "logistic, tiny scale": (lambda: DiscretizedLogistic(4, mode="fixed", scale=1e-4), LEVELS),
    "logistic, huge scale": (lambda: DiscretizedLogistic(4, mode="fixed", scale=1e4), LEVELS),
    "logistic per pixel": (lambda: DiscretizedLogistic(4, mode="pixel"), LEVELS),
    "poisson": (Poisson, COUNTS),
    "poisson, scaled": (lambda: Poisson("row"), COUNTS),
    "negative binomial": (lambda: NegativeBinomial(mode="shared"), COUNTS),
    "negative binomial of z": (lambda: NegativeBinomial(mode="decoder"), COUNTS),
    "inflated poisson": (ZeroInflatedPoisson, COUNTS),
    "inflated negative binomial": (
        lambda: ZeroInflatedNegativeBinomial("row", mode="decoder"),
        COUNTS,
    ),
    "multinomial": (Multinomial, COUNTS),
}
OF_COUNTS = {
    "multinomial",
    "negative_binomial",
    "poisson",
    "zero_inflated_negative_binomial",
    "zero_inflated_poisson",
}
NAMES = {
    *OF_COUNTS,
    "bernoulli",
    "beta",
    "categorical",
    "continuous_bernoulli",
    "discretized_logistic",
    "gaussian",
    "gaussian_per_image",
    "laplace",
}
cases = pytest.mark.parametrize("case", CASES)


def extremes(likelihood: Likelihood, x: list[float], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Every pair of extreme outputs (the first parameter, the others) with every value of x."""
    first, rest, value = torch.cartesian_prod(
        torch.tensor(EXTREMES), torch.tensor(EXTREMES), torch.tensor(x)
    ).T
    params = torch.stack([first, *[rest] * (likelihood.outputs - 1)], dim=1)
    return params[..., None, None].to(dtype), value.view(-1, 1, 1, 1)


@cases
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_everything_is_finite_at_the_extremes(
    case: str, dtype: torch.dtype, training: bool
) -> None:
    torch.manual_seed(0)
    make, values = CASES[case]
    likelihood = make().train(training)
    params, x = extremes(likelihood, values, dtype)
    params.requires_grad_()
    log_prob = likelihood.log_prob(params, x)
    learned = list(likelihood.parameters())
    gradients = torch.autograd.grad(log_prob.sum(), [params, *learned])
    for numbers in (log_prob, *gradients, likelihood.mean(params), likelihood.sample(params)):
        assert torch.isfinite(numbers).all()


@cases
def test_mean_and_sample_are_in_the_support_at_the_extremes(case: str) -> None:
    torch.manual_seed(0)
    make, values = CASES[case]
    likelihood = make()
    params, _ = extremes(likelihood, [0.0] * 100, torch.float32)
    likelihood.check(likelihood.sample(params))
    mean = likelihood.mean(params)
    if values is COUNTS:
        assert float(mean.min()) >= 0
    elif values is not REAL:
        assert 0 <= float(mean.min()) <= float(mean.max()) <= 1


@cases
def test_half_precision_is_raised_and_double_kept(case: str) -> None:
    make, values = CASES[case]
    likelihood = make().eval()
    params, x = extremes(likelihood, values, torch.bfloat16)
    half = likelihood.log_prob(params, x)
    assert half.dtype == likelihood.mean(params).dtype == torch.float32
    assert likelihood.sample(params).dtype == torch.float32
    assert torch.equal(half, likelihood.log_prob(params.float(), x))
    double = likelihood.double()
    assert double.log_prob(params.double(), x.double()).dtype == torch.float64
    assert double.mean(params.double()).dtype == torch.float64


@cases
def test_shapes_and_the_sum_over_data_dimensions(case: str) -> None:
    torch.manual_seed(0)
    make, values = CASES[case]
    likelihood = make().double().eval()
    shape = likelihood.output_shape((3, 4, 2))
    assert shape == (3 * likelihood.outputs, 4, 2)
    params = torch.randn(5, *shape, dtype=torch.float64)
    x = torch.tensor(values, dtype=torch.float64)[torch.randint(len(values), (5, 3, 4, 2))]
    each = likelihood.log_prob_each(params, x)
    assert each.shape == likelihood.mean(params).shape == likelihood.sample(params).shape == x.shape
    total = likelihood.log_prob(params, x)
    # 24 float64 numbers in another order, of up to 1e8 where x is 1e4 and σ is 1
    torch.testing.assert_close(total, each.sum((1, 2, 3)), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("case", ["beta", "categorical", "logistic per pixel"])
def test_the_first_channels_are_the_first_parameter(case: str) -> None:
    torch.manual_seed(0)
    make, values = CASES[case]
    likelihood = make().double().eval()
    params = torch.randn(5, likelihood.outputs, 3, 4, 2, dtype=torch.float64)
    x = torch.tensor(values, dtype=torch.float64)[torch.randint(len(values), (5, 3, 4, 2))]
    each = likelihood.log_prob_each(params.flatten(1, 2), x)
    for channel in range(3):
        alone = likelihood.log_prob_each(params[:, :, channel], x[:, [channel]])
        assert torch.equal(alone, each[:, [channel]])


@cases
def test_one_output_stands_for_every_example(case: str) -> None:
    torch.manual_seed(0)
    make, values = CASES[case]
    likelihood = make().double().eval()
    params = torch.randn(1, *likelihood.output_shape((3, 4, 2)), dtype=torch.float64)
    x = torch.tensor(values, dtype=torch.float64)[torch.randint(len(values), (5, 3, 4, 2))]
    one, five = (likelihood.log_prob(p, x) for p in (params, params.expand(5, -1, -1, -1)))
    torch.testing.assert_close(one, five, rtol=1e-13, atol=1e-12)  # sums in another order


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("dequantize", [False, True])
def test_the_conf_composes_and_the_shipped_digits_suit_it(name: str, dequantize: bool) -> None:
    overrides = [f"likelihood={name}", f"data.dequantize={str(dequantize).lower()}"]
    with initialize_config_dir(str(conf_dir()), version_base=None):
        config = compose("betafront", overrides=overrides)
    run = build(config)
    likelihood = run.likelihood()
    assert isinstance(likelihood, Likelihood)
    x = run.data.examples("train")
    refuses = {"bernoulli", *OF_COUNTS} | (set() if dequantize else {"beta"})
    if name in refuses:
        with pytest.raises(UserError, match=rf"likelihood={name} is for"):
            likelihood.check(x)
    else:
        likelihood.check(x)


def test_no_likelihood_is_without_a_conf() -> None:
    assert {path.stem for path in (conf_dir() / "likelihood").iterdir()} == NAMES | {"words"}
    classes = [c for c in vars(objective).values() if isinstance(c, type)]
    known = {c for c in classes if issubclass(c, Likelihood)} - {Likelihood, Words}  # test_words.py
    assert {make().__class__ for make, _ in CASES.values()} == known


@pytest.mark.parametrize("name", ["categorical", "discretized_logistic"])
def test_unknown_levels_are_asked_for(name: str) -> None:
    overrides = [f"likelihood={name}", "data=tensor", "data.path=x.npy"]
    with initialize_config_dir(str(conf_dir()), version_base=None):
        config = compose("betafront", overrides=overrides)
    with pytest.raises(Exception, match=rf"likelihood={name} .* give data\.levels=") as refused:
        instantiate(config.likelihood)()
    assert isinstance(refused.value.__cause__ or refused.value, UserError)


@cases
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 1, 3)])
def test_data_of_any_shape_has_the_numbers_of_images(case: str, shape: tuple[int, ...]) -> None:
    make, values = CASES[case]
    likelihood, image = make(), (shape[0], 1, 6 // shape[0])
    generator = torch.Generator().manual_seed(0)
    x = torch.tensor(values)[torch.randint(len(values), (4, 6), generator=generator)]
    assert likelihood.output_shape(shape) == (likelihood.outputs * shape[0], *shape[1:])
    params = torch.randn(4, likelihood.outputs * 6, generator=generator)
    ours, images = (
        (params.view(4, *likelihood.output_shape(of)), x.view(4, *of)) for of in (shape, image)
    )
    likelihood.eval()
    torch.testing.assert_close(likelihood.log_prob(*ours), likelihood.log_prob(*images))
    assert likelihood.mean(ours[0]).shape == likelihood.sample(ours[0]).shape == (4, *shape)
    torch.testing.assert_close(
        likelihood.mean(ours[0]).flatten(1), likelihood.mean(images[0]).flatten(1)
    )
