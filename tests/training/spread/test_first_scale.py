"""Where a learned scale starts, how fast it learns, and that it ends at the error."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.steps import every_step
from torch import Tensor, nn

from betafront.data import Images, digits, in_memory, torchvision
from betafront.data.data import Data
from betafront.metrics.scale_off import deviation, scale_off, too_far
from betafront.models import VAE, Model, mlp
from betafront.objective import Gaussian, GaussianPerImage, Laplace, Likelihood
from betafront.training import Halted, Run, Trainer, fit_one
from betafront.training.folder import RunFolder
from betafront.training.optimizer import optimizer_of
from betafront.training.spread.first_scale import EXAMPLES, start_scale
from betafront.training.state import RunState

MakeRun = Callable[..., Run]

CPU = torch.device("cpu")
NEAR = 0.05  # of the error: what the standing of a run calls off
WITH_FACTOR: dict[str, Callable[[], Likelihood]] = {
    "sigma": partial(Gaussian, mode="learned", lr_factor=10),
    "b": partial(Laplace, mode="learned", lr_factor=10),
}


def bordered(n: int = 600) -> Images:
    """Images whose border is always black, with a patch of two factors in their middle."""
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(n, 1, 12, 12)
    place = torch.linspace(-1, 1, 6)
    centre = torch.rand(n, 2, generator=generator) * 1.4 - 0.7
    across, down = (place[None] - centre[:, i, None] for i in (0, 1))
    x[:, 0, 3:9, 3:9] = torch.exp(-3 * (across[:, None] ** 2 + down[:, :, None] ** 2))
    x[:, 0, 3:9, 3:9] += 0.05 * torch.randn(n, 6, 6, generator=generator)
    return Images("bordered", train=x[: n - 200], val=x[n - 200 : n - 100], test=x[n - 100 :])


def trained(run: Run) -> Model:
    """The model after every step of its run, without what Lightning and the files cost."""
    *_, state = every_step(run)
    return state.vae


def of(make_run: MakeRun, data: Data, likelihood: Callable[[], Likelihood], steps: int) -> Run:
    """A run with the settings of the default choices."""
    return make_run(
        data=data,
        likelihood=likelihood,
        architecture=partial(mlp, latents=8, hidden=(64,)),
        make_optimizer=partial(torch.optim.Adam, lr=1e-3),
        trainer=Trainer(steps=steps, batch_size=64, accelerator="cpu"),
    )


@pytest.mark.parametrize("scale", sorted(WITH_FACTOR))
@pytest.mark.parametrize("data", [digits, bordered])
def test_a_learned_scale_ends_at_the_error(
    make_run: MakeRun, scale: str, data: Callable[[], Images]
) -> None:
    images = data()
    model = trained(of(make_run, images, WITH_FACTOR[scale], 800))
    x = images.examples("train")
    with torch.no_grad():  # reckoned apart from `scale_off`
        z = model.infer(x, torch.Generator().manual_seed(5)).z
        errors = model.decode(z) - x
    error = float((errors**2).mean().sqrt() if scale == "sigma" else errors.abs().mean())
    assert model.likelihood.scale == pytest.approx(error, rel=NEAR)
    # Of another draw of z for each of the 400 examples or more.
    assert scale_off(model, x) == pytest.approx(model.likelihood.scale / error - 1, abs=0.03)


def test_a_learned_scale_ends_at_the_error_on_mnist(make_run: MakeRun, mnist_folder: str) -> None:
    images = torchvision("mnist", "MNIST", mnist_folder, limit=8000)
    model = trained(of(make_run, images, WITH_FACTOR["sigma"], 800))
    off = scale_off(model, images.examples("train"))
    assert off is not None
    assert abs(off) < NEAR


@pytest.mark.parametrize("data", [digits, bordered])
def test_a_scale_per_image_ends_at_the_error(make_run: MakeRun, data: Callable[[], Images]) -> None:
    images = data()
    model = trained(of(make_run, images, partial(GaussianPerImage, None), 800)).eval()
    assert isinstance(model, VAE)
    x = images.examples("train")
    with torch.no_grad():
        params = model.decoder(model.infer(x, torch.Generator().manual_seed(5)).z)
        mean, log_sigma = model.likelihood._mean_and_log_sigma(params)  # type: ignore[operator]
        squares = ((x - mean) ** 2).mean((1, 2, 3))
    # At its optimum a factor on every σ(z) is 1, and its square is this mean.
    ratio = float((squares * torch.exp(-2 * log_sigma.flatten())).mean().sqrt())
    assert ratio == pytest.approx(1, abs=NEAR)


@pytest.mark.parametrize(
    "likelihood", [partial(Gaussian, mode="learned"), partial(GaussianPerImage, None)]
)
def test_training_starts_at_the_error_of_the_untrained_model(
    make_run: MakeRun, likelihood: Callable[[], Likelihood]
) -> None:
    run = make_run(likelihood=likelihood)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = RunState(run, CPU)
    assert not state.vae.likelihood.unset
    x = run.data.examples("train", EXAMPLES)
    with torch.no_grad():
        z = state.vae.infer(x, torch.Generator().manual_seed(run.seed)).z
        expected = float(((state.vae.decode(z) - x) ** 2).mean().sqrt())
    start = {k: v for k, v in state.vae.state_dict().items() if "log" in k}
    (found,) = (float(v.exp()) for k, v in start.items())
    assert found == pytest.approx(expected, rel=1e-5)  # float32


class Drawing(nn.Module):
    """A layer that draws from the global generator, and one that learns from what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.norm(x)
        return seen + 0 * torch.randn(())


def test_starting_a_scale_changes_nothing_else() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), Drawing(), nn.Linear(16, 4))
    decoder = nn.Sequential(nn.Linear(2, 64), nn.Unflatten(1, (1, 8, 8)))
    model = VAE(encoder, decoder, Gaussian(mode="learned"), 2).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    drawn = torch.get_rng_state()
    start_scale(model, digits(), seed=3)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(module.training for module in model.modules())
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"likelihood.spread.raw_log"}


@pytest.mark.parametrize(
    "likelihood",
    [
        Gaussian(mode="optimal"),
        Gaussian(mode="fixed"),
        Gaussian(0.3, mode="learned"),
        Laplace(0.3, mode="learned"),
        GaussianPerImage(),
    ],
)
def test_a_scale_that_was_given_or_is_not_learned_is_left(likelihood: Likelihood) -> None:
    model = mlp((1, 8, 8), likelihood, latents=2, hidden=(8,))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    start_scale(model, digits(), seed=0)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_a_perfect_start_leaves_the_scale_able_to_grow() -> None:
    likelihood = Gaussian(mode="learned").train()
    x = torch.ones(2, 1, 2, 2)
    likelihood.remember(likelihood.statistic(x, x))
    (slope,) = torch.autograd.grad(likelihood.log_prob(x, x + 0.1).sum(), likelihood.parameters())
    assert float(slope) > 1


# --- its learning rate ----------------------------------------------------------------------------


def model_with(factor: float) -> Model:
    likelihood = Gaussian(mode="learned", lr_factor=factor)
    return mlp((1, 8, 8), likelihood, latents=2, hidden=(8,))


def test_the_scale_has_its_own_learning_rate() -> None:
    model = model_with(10)
    optimizer = optimizer_of(model, partial(torch.optim.Adam, lr=2e-3, weight_decay=0.1))
    assert [group["lr"] for group in optimizer.param_groups] == [2e-3, 2e-2]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1]
    assert optimizer.param_groups[1]["params"] == list(model.likelihood.parameters())
    counts = [len(group["params"]) for group in optimizer.param_groups]
    assert sum(counts) == len(list(model.parameters()))


@pytest.mark.parametrize(
    ("model", "make"),
    [
        (model_with(1), partial(torch.optim.Adam, lr=1e-3)),
        (mlp((1, 8, 8), Gaussian(lr_factor=10), latents=2), partial(torch.optim.Adam, lr=1e-3)),
        (model_with(10), torch.optim.LBFGS),
    ],
    ids=["the same rate", "nothing to learn", "one group alone"],
)
def test_there_is_one_group_where_there_is_nothing_to_part(model: Model, make: Any) -> None:
    (group,) = optimizer_of(model, make).param_groups
    assert group["params"] == list(model.parameters())


def numbers(folder: Path) -> list[bytes]:
    """What training left in the folder of a run."""
    place = RunFolder(folder)
    return [place.model.read_bytes(), place.history.read_bytes()]


def test_a_run_with_its_own_rate_for_the_scale_goes_on_with_the_same_bits(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = partial(make_run, likelihood=WITH_FACTOR["sigma"])
    fit_one(run(), tmp_path / "whole")
    with pytest.raises(Halted):
        fit_one(run(), tmp_path / "stopped", halt=lambda: True)
    fit_one(run(), tmp_path / "stopped")
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "whole")


def test_a_checkpoint_with_one_group_goes_on_with_it(make_run: MakeRun, tmp_path: Path) -> None:
    former = partial(make_run, likelihood=partial(Gaussian, 1.0, mode="learned"))
    fit_one(former(), tmp_path / "whole")
    with pytest.raises(Halted):
        fit_one(former(), tmp_path / "stopped", halt=lambda: True)
    saved = torch.load(RunFolder(tmp_path / "stopped").checkpoint, weights_only=True)
    assert len(saved["optimizer"]["param_groups"]) == 1
    # The settings of this version: neither the start nor the rate of the scale is taken up midway.
    fit_one(make_run(likelihood=WITH_FACTOR["sigma"]), tmp_path / "stopped")
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "whole")


def test_weights_of_a_scale_per_image_without_a_start_are_those_that_started_at_one() -> None:
    before = GaussianPerImage(0.1)
    kept = before.state_dict()
    del kept["log_start"]
    before.load_state_dict(kept)
    assert float(before.log_start) == 0


# --- how far off ----------------------------------------------------------------------------------


def test_the_scale_is_compared_with_the_error_of_one_draw(small_digits: Images) -> None:
    torch.manual_seed(0)
    x = small_digits.examples("train")
    for likelihood, power in ((Gaussian(mode="learned"), 2), (Laplace(mode="learned"), 1)):
        model = mlp((1, 8, 8), likelihood, latents=2, hidden=(8,)).train()
        with torch.no_grad():
            z = model.infer(x, torch.Generator().manual_seed(0)).z
            error = float((model.decode(z) - x).abs().pow(power).mean() ** (1 / power))
        off = scale_off(model, x)
        assert off == pytest.approx(1 / error - 1, rel=1e-4)  # it starts at 1; float32
        assert model.training


def test_an_error_below_the_floor_is_not_asked_of_a_scale() -> None:
    x = torch.zeros(10, 1, 2, 2)
    decoder = nn.Sequential(nn.Linear(2, 4, bias=False), nn.Unflatten(1, (1, 2, 2)))
    nn.init.zeros_(decoder[0].weight)  # type: ignore[arg-type]
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    model = VAE(encoder, decoder, Gaussian(mode="optimal"), 2).train()
    model.remember(model(x).statistic)
    assert scale_off(model, x) == pytest.approx(0, abs=1e-6)
    assert model.likelihood.sigma == pytest.approx(math.exp(-6), rel=1e-3)


@pytest.mark.parametrize(
    "likelihood",
    [Gaussian(mode="fixed"), Laplace(mode="fixed"), GaussianPerImage(), Gaussian(calibrate=True)],
)
def test_a_scale_that_is_chosen_or_per_image_is_not_off(
    small_digits: Images, likelihood: Likelihood
) -> None:
    model = mlp((1, 8, 8), likelihood, latents=2, hidden=(8,))
    assert scale_off(model, small_digits.examples("val")) is None


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (None, ""),
        (0.05, ""),
        (-0.05, ""),
        (0.094, "the likelihood's scale is 9% above the error on the training split"),
        (-0.31, "the likelihood's scale is 31% below the error on the training split"),
    ],
)
def test_a_scale_that_is_far_off_is_said(off: float | None, said: str) -> None:
    assert too_far(off) == said


def test_vectors_have_an_error_too() -> None:
    data = in_memory("vectors", torch.randn(100, 5, generator=torch.Generator().manual_seed(0)))
    model = mlp((5,), Gaussian(mode="learned"), latents=2, hidden=(8,))
    assert deviation(model, data.examples("train")) is not None


def frozen(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    """A model whose batch normalisation is kept as it is while the rest is trained."""
    model = mlp(shape, likelihood, latents=2, hidden=(16,))
    model.encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(math.prod(shape)), model.encoder)
    model.encoder[1].eval()
    return model


@pytest.mark.parametrize("likelihood", [Gaussian, partial(Gaussian, mode="learned")])
def test_a_part_that_is_kept_in_evaluation_mode_stays_in_it(
    make_run: MakeRun, tmp_path: Path, likelihood: Callable[[], Likelihood]
) -> None:
    fit_one(make_run(architecture=frozen, likelihood=likelihood), tmp_path)
    tensors = torch.load(RunFolder(tmp_path).last, weights_only=True)["tensors"]
    (means,) = (value for name, value in tensors.items() if name.endswith("running_mean"))
    assert not means.any()
