"""The ladder and its baseline, and the layers that they are made of."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from betafront.config.build import check
from betafront.errors import UserError
from betafront.models import Hierarchy, Posterior, evaluating, hierarchical, ladder
from betafront.models.batch_norm import BatchNorm
from betafront.models.batch_statistics import collecting, remember, statistic_of
from betafront.models.hierarchy.layers import LEAST_VARIANCE, ToGaussian
from betafront.models.hierarchy.top_down import merged
from betafront.objective import Bernoulli, Gaussian, Objective, Terms, normalisation
from betafront.training import Run, Trainer, fit_one
from betafront.training.failure import Halted
from betafront.training.recipe.step_means import StepMeans, mean_of

BOTH = {"ladder": ladder, "hierarchical": hierarchical}
SMALL = {"latents": (3, 2), "hidden": (8, 6)}
every_model = pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
Make = Callable[..., Hierarchy]


@pytest.fixture
def x() -> Tensor:
    return torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0)).round()


def test_merged_gaussians_are_their_normalised_product() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (
        Posterior(*torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)) for _ in range(2)
    )
    q = merged(one, other)
    z = torch.randn(7, 5, 3, generator=generator, dtype=torch.float64)
    over = one.log_prob(z) + other.log_prob(z) - q.log_prob(z)  # the same at every z
    torch.testing.assert_close(over, over[:1].expand_as(over), rtol=0, atol=1e-12)


# --- batch normalisation --------------------------------------------------------------------------


def test_batch_normalisation_is_that_of_torch() -> None:
    torch.manual_seed(0)
    ours, theirs = BatchNorm(3), nn.BatchNorm1d(3, momentum=None)
    model = Owner(ours)
    with torch.no_grad():
        for scale in (ours.scale, theirs.weight):
            scale.copy_(torch.tensor([1.0, 2.0, 0.5]))
    for _ in range(4):  # of the first steps the running means are plain means
        batch = 3 + 2 * torch.randn(6, 3)
        torch.testing.assert_close(model.step(batch), theirs(batch))
    new = torch.randn(5, 3)
    torch.testing.assert_close(ours.eval()(new), theirs.eval()(new))


class Owner(nn.Module):
    """A model of one layer, which keeps what it learns after each step."""

    def __init__(self, layer: BatchNorm) -> None:
        super().__init__()
        self.layer = layer

    def step(self, x: Tensor) -> Tensor:
        with collecting() as found:
            made: Tensor = self.layer(x)
        remember(self, statistic_of(self, found))
        return made


def test_batches_and_processes_of_a_step_make_one_statistic() -> None:
    """As what accumulates gradients, and what shares a batch, has it."""

    def seen(value: float) -> StepMeans:
        terms = Terms(torch.zeros(2), torch.ones(2, 3), layers=torch.tensor([value, 0.0, 1.0]))
        objective = Objective(1.0, normalisation("sum"), pixels=4, latents=3)
        return StepMeans.of(terms, objective.step(terms, 0.5, objective.start()))

    together = mean_of([seen(1.0), seen(3.0)])
    assert together.layers is not None
    assert together.layers.tolist() == [2.0, 0.0, 1.0]
    shared = together.over_devices(lambda values: values + 1)
    assert shared.layers is not None
    assert shared.layers.tolist() == [3.0, 1.0, 2.0]
    assert (float(shared.rate), shared.mse) == (4.0, None)


@every_model
def test_a_model_changes_no_buffer_of_its_own(make: Make, x: Tensor) -> None:
    torch.manual_seed(0)
    model = make((1, 4, 4), Bernoulli(), **SMALL).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    noise = torch.Generator().manual_seed(0)
    terms = torch.func.functional_call(model, model.state_dict(), (x, noise))
    assert all(torch.equal(v, before[name]) for name, v in model.state_dict().items())
    remember(model, terms.layers)
    moved = [n for n, value in model.state_dict().items() if not torch.equal(value, before[n])]
    norms = sum(isinstance(module, BatchNorm) for module in model.modules())
    assert norms == 4 * 2  # two fully connected layers each: up, up, down and the decoder
    assert len(moved) == 3 * norms
    with evaluating(model):
        assert model(x, noise).layers is None


def test_a_run_that_was_stopped_ends_with_the_same_bits(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = make_run(
        architecture=partial(ladder, **SMALL),
        trainer=Trainer(
            steps=12, batch_size=16, accumulate=2, ema=0.9, accelerator="cpu", checkpoint_seconds=0
        ),
    )
    whole = fit_one(run, tmp_path / "whole")
    stops = iter([True])
    with pytest.raises(Halted):
        fit_one(run, tmp_path / "stopped", halt=lambda: next(stops, False))
    again = fit_one(run, tmp_path / "stopped", halt=lambda: False)
    assert again.metrics == whole.metrics
    assert again.history == whole.history
    model = "model.safetensors"
    assert (tmp_path / "stopped" / model).read_bytes() == (tmp_path / "whole" / model).read_bytes()
    found = whole.metrics
    for name in ("rate", "active_units"):
        layers = [found[f"val/{name}_layer_{i}"] for i in (1, 2)]
        assert sum(layers) == pytest.approx(found[f"val/{name}"], rel=1e-12)
    assert whole.widths == [3, 2]
    said = [kl > 0.01 for kl in whole.spectrum]
    assert [found[f"val/active_units_layer_{i}"] for i in (1, 2)] == [sum(said[:3]), sum(said[3:])]
    assert whole.standing is not None
    assert whole.standing.dead == tuple(j for j, active in enumerate(said) if not active)


# --- codes ----------------------------------------------------------------------------------------


@every_model
def test_what_stands_for_an_example_is_the_draw_without_noise(make: Make, x: Tensor) -> None:
    torch.manual_seed(0)
    model = make((1, 4, 4), Bernoulli(), **SMALL).eval()
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        for module in ("top_down", "bottom_up"):
            place = f"betafront.models.hierarchy.{module}.standard_normal"
            patch.setattr(place, lambda shape, noise, like: torch.zeros(shape))
        torch.testing.assert_close(model.infer(x).z, model.code(x))


def test_layers_below_a_latent_that_is_moved_follow_it(x: Tensor) -> None:
    torch.manual_seed(0)
    model = ladder((1, 4, 4), Bernoulli(), **SMALL).eval()
    assert isinstance(model, Hierarchy)
    z, to = model.code(x).detach(), torch.linspace(-3, 3, len(x))
    top, low = model.moved(z, [3, 1], to).detach()
    torch.testing.assert_close(top[:, 3], to)
    assert torch.equal(top[:, 4], z[:, 4])
    torch.testing.assert_close(top[:, :3], model.priors[0](top[:, 3:]).mean.detach())
    prior = model.priors[0](z[:, 3:])
    expected = prior.mean[:, 1] + to * (0.5 * prior.log_var[:, 1]).exp()
    torch.testing.assert_close(low[:, 1], expected.detach())
    assert torch.equal(low[:, [0, 2, 3, 4]], z[:, [0, 2, 3, 4]])


@every_model
def test_the_decoder_sees_the_lowest_layer_alone(make: Make, x: Tensor) -> None:
    model = make((1, 4, 4), Bernoulli(), **SMALL).eval()
    z = model.prior(4)
    other = torch.cat([z[:, :3], z[:, 3:] + 1], 1)
    assert torch.equal(model.decode(z), model.decode(other))
    assert not torch.equal(model.decode(z), model.decode(z + 1))


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latents": 8}, r"model\.latents is a list .* not 8"),
        ({"latents": []}, r"model\.latents is a list .* not \[\]"),
        ({"hidden": [8, 0]}, r"model\.hidden is a list"),
        ({"latents": [4, 2, 1]}, r"latents=\[4, 2, 1\] has 3 layers, and model\.hidden=.* for 2"),
        ({"batch_norm": "yes"}, r"model\.batch_norm is true or false, not 'yes'"),
    ],
)
@every_model
def test_settings_that_describe_no_layers_are_named(
    make: Make, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make((1, 4, 4), Bernoulli(), **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"batch_size": 1}, r"batch normalisation compares .*batch_size must be at least 2"),
        ({"devices": 2}, r"batch normalisation is that of a batch: use model\.batch_norm=false"),
    ],
)
def test_batches_that_cannot_be_normalised_are_refused(
    make_run: Callable[..., Run], trainer: dict[str, int], message: str
) -> None:
    settings = Trainer(steps=1, accelerator="cpu", **trainer)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        check(
            make_run(
                architecture=partial(ladder, **SMALL),
                likelihood=partial(Gaussian, mode="fixed"),
                trainer=settings,
            )
        )


def test_a_variance_stays_above_nothing() -> None:
    layer = ToGaussian(1, 1)
    with torch.no_grad():
        layer.linear.weight.fill_(1.0)
        layer.linear.bias.zero_()
    log_var = layer(torch.tensor([[-1e4], [0.0], [50.0]])).log_var.flatten().tolist()
    assert log_var == pytest.approx(
        [math.log(LEAST_VARIANCE), math.log(math.log(2)), math.log(50)], rel=1e-5
    )
