"""One run: the same again for the same seed, and everything it leaves behind."""

import importlib
import json
import logging
import math
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from betafront.data import Images
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.models import linear
from betafront.objective import (
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Likelihood,
    Linear,
    normalisation,
)
from betafront.training import Diverged, Result, Run, Trainer, fit_one
from betafront.training.history import VAL_DISTORTION, VAL_NEGATIVE_ELBO, VAL_RATE

MakeRun = Callable[..., Run]

FILES = {
    "last.ckpt", "result.json", "history.json", "trace.npz", "latent_history.npz",
    "latent_map.npz", "model.safetensors", "pictures",
}  # fmt: skip
PICTURES = {"reconstructions.png", "samples.png", "traversals.png"}
FLOAT32 = 1e-5  # sums of some dozen float32 numbers, each right to 6e-8


def trace(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "trace.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "likelihood",
    [
        Gaussian,
        partial(Gaussian, mode="learned"),
        partial(Bernoulli, grey=True),
        ContinuousBernoulli,
    ],
)
def test_the_same_seed_gives_the_same_bits(
    make_run: MakeRun, tmp_path: Path, likelihood: Callable[[], Likelihood]
) -> None:
    run = make_run(likelihood=likelihood)
    torch.manual_seed(1)
    one = fit_one(run, tmp_path / "one")
    torch.manual_seed(2)
    two = fit_one(run, tmp_path / "two")
    assert one.metrics == two.metrics
    assert one.spectrum == two.spectrum
    assert one.history == two.history
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]
    first, second = trace(tmp_path / "one"), trace(tmp_path / "two")
    assert set(first) == set(second)
    for name, values in first.items():
        assert np.array_equal(values, second[name]), name


def test_another_seed_gives_another_run(make_run: MakeRun, tmp_path: Path) -> None:
    one, two = (fit_one(make_run(seed=seed), tmp_path / str(seed)) for seed in (0, 1))
    assert one.metrics["val/distortion"] != two.metrics["val/distortion"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("0", "1")]
    assert weights[0] != weights[1]


class Watching(Gaussian):
    """A Gaussian that writes down the images it is trained on."""

    def __init__(self, seen: list[Tensor]) -> None:
        super().__init__()
        self.batches = seen

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        if self.training:
            self.batches.append(x)
        return super().log_prob(params, x)


def test_the_seed_decides_the_order_of_the_images(make_run: MakeRun, tmp_path: Path) -> None:
    orders = []
    for seed in (0, 0, 1):
        seen: list[Tensor] = []
        fit_one(make_run(seed=seed, likelihood=lambda seen=seen: Watching(seen)), tmp_path)
        orders.append(torch.cat(seen))
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_global_generators_are_left_as_they_were(make_run: MakeRun, tmp_path: Path) -> None:
    def states() -> tuple[bytes, str, str]:
        numpy_state = repr(np.random.get_state()[1].tolist())  # type: ignore[union-attr]
        return torch.get_rng_state().numpy().tobytes(), numpy_state, repr(random.getstate())

    before = states()
    fit_one(make_run(), tmp_path / "done")
    assert states() == before
    with pytest.raises(Diverged):
        fit_one(make_run(likelihood=partial(Lost, after=2)), tmp_path / "lost")
    assert states() == before


def test_training_lowers_the_loss(make_run: MakeRun, tmp_path: Path) -> None:
    result = fit_one(make_run(steps=120), tmp_path)
    elbo = [row[VAL_NEGATIVE_ELBO] for row in result.history]
    # The density at σ = 1 costs ½ ln 2π per pixel even where every pixel is right; a model that has
    # learned that the digits spread by less is below that.
    assert elbo[-1] < elbo[0]
    assert result.metrics["val/negative_elbo"] < 0.5 * 64 * math.log(2 * math.pi)


def test_everything_stands_in_the_folder(make_run: MakeRun, tmp_path: Path) -> None:
    fit_one(make_run(), tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert {path.name for path in (tmp_path / "run" / "pictures").iterdir()} == PICTURES


def test_pictures_show_what_they_are_named_for(make_run: MakeRun, tmp_path: Path) -> None:
    fit_one(make_run(), tmp_path)
    tile = 32 + 2  # the 8 x 8 digits four times as large, and the grid between them
    sizes = {
        "reconstructions.png": (16 * tile + 2, 2 * tile + 2),
        "samples.png": (16 * tile + 2, 4 * tile + 2),
        "traversals.png": (11 * tile + 2, 2 * tile + 2),  # two latents
    }
    for name, size in sizes.items():
        with Image.open(tmp_path / "pictures" / name) as picture:
            assert picture.size == size, name
            pixels = np.asarray(picture.convert("L"))
        across, down = np.arange(size[0]) % tile < 2, np.arange(size[1]) % tile < 2
        assert (pixels[down] == 255).all(), name
        assert (pixels[:, across] == 255).all(), name
    with Image.open(tmp_path / "pictures" / "reconstructions.png") as picture:
        top = np.asarray(picture.convert("L"), dtype=float)[2:34, 2:34] / 255
    shown = make_run().data.val[0, 0].repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert np.abs(top - shown.numpy()).max() <= 1 / 255  # 8 bits per pixel


def test_colour_images_that_are_not_square_and_many_latents(
    make_run: MakeRun, tmp_path: Path
) -> None:
    x = torch.rand(40, 3, 8, 5, generator=torch.Generator().manual_seed(0))
    images = Images("colours", train=x[:32], val=x[32:36], test=x[36:])
    run = make_run(data=images, architecture=partial(linear, latents=12), steps=2)
    result = fit_one(run, tmp_path)
    assert result.data["shape"] == [3, 8, 5]
    assert len(result.spectrum) == 12
    with Image.open(tmp_path / "pictures" / "traversals.png") as picture:
        assert picture.mode == "RGB"
        # Ten rows, of the latents most used, six times as large to be some 32 pixels wide.
        assert picture.size == (11 * (6 * 5 + 2) + 2, 10 * (6 * 8 + 2) + 2)


def test_the_saved_weights_are_those_that_were_evaluated(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    result = fit_one(run, tmp_path)
    vae = run.vae()
    vae.load_state_dict(load_file(tmp_path / "model.safetensors"))
    for split in ("val", "test"):
        again = evaluate(vae, getattr(run.data, split), seed=run.seed).values
        assert {f"{split}/{k}": v for k, v in again.items()}.items() <= result.metrics.items()


def test_the_result_comes_back_from_its_folder(make_run: MakeRun, tmp_path: Path) -> None:
    result = fit_one(make_run(), tmp_path / "run")
    assert Result.load(tmp_path / "run") == result
    assert json.loads((tmp_path / "run" / "history.json").read_text()) == result.history


def test_the_result_says_where_the_run_stands(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(
        weight=0.1,
        normalisation=normalisation("mean"),
        likelihood=partial(Gaussian, sigma=0.5, mode="fixed"),
        seed=3,
    )
    result = fit_one(run, tmp_path)
    scale = result.scale
    assert (scale.weight, scale.normalisation) == (0.1, "mean")
    assert (scale.pixels, scale.latents) == (64, 2)
    assert scale.beta == pytest.approx(0.1 * 64 / 2, rel=1e-14)  # float64
    assert scale.beta_norm == pytest.approx(0.1, rel=1e-14)
    assert scale.sigma == pytest.approx(0.5, rel=1e-6)  # kept in float32
    assert result.seed == 3
    assert result.data == {
        "name": "digits",
        "digest": run.data.digest,
        "shape": [1, 8, 8],
        "train": 120,
        "val": 40,
        "test": 40,
    }


def test_a_likelihood_without_sigma_has_none(make_run: MakeRun, tmp_path: Path) -> None:
    assert fit_one(make_run(likelihood=ContinuousBernoulli), tmp_path).scale.sigma is None


def test_final_values_know_neither_weight_nor_schedule(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(weight=50.0, schedule=Linear(warmup=1.0))
    metrics = fit_one(run, tmp_path).metrics
    for split in ("val", "test"):
        total = metrics[f"{split}/distortion"] + metrics[f"{split}/rate"]
        assert metrics[f"{split}/negative_elbo"] == total


def test_the_trace_records_the_loss_of_every_step(make_run: MakeRun, tmp_path: Path) -> None:
    steps, weight = 12, 0.1
    run = make_run(
        steps=steps,
        weight=weight,
        normalisation=normalisation("mean"),
        schedule=Linear(warmup=0.5),
    )
    fit_one(run, tmp_path)
    arrays = trace(tmp_path)
    columns = {"step", "beta", "penalty", "distortion", "rate", "loss"}
    assert set(arrays) == columns
    assert arrays["step"].tolist() == list(range(steps))
    factor = np.minimum(1, np.arange(steps) / steps / 0.5)
    np.testing.assert_allclose(arrays["beta"], factor * weight * 64 / 2, rtol=FLOAT32)
    assert not arrays["penalty"].any()
    # In the user's own convention: means over the 64 pixels and the 2 latents.
    expected = arrays["distortion"] / 64 + factor * weight * arrays["rate"] / 2
    np.testing.assert_allclose(arrays["loss"], expected, rtol=FLOAT32)
    assert (arrays["rate"] > 0).all()


def test_the_history_is_reported_as_it_is_made(make_run: MakeRun, tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    result = fit_one(
        make_run(schedule=Linear(warmup=1.0), weight=4.0), tmp_path, report=rows.append
    )
    assert rows == result.history
    assert [row["step"] for row in rows] == [3, 6, 9, 12]
    arrays = trace(tmp_path)
    assert [row["train/beta"] for row in rows] == arrays["beta"][2::3].tolist()
    for i, row in enumerate(rows):
        epoch = slice(3 * i, 3 * i + 3)
        for name in ("distortion", "rate", "loss"):
            assert row[f"train/{name}"] == pytest.approx(arrays[name][epoch].mean(), rel=FLOAT32)
        total = row[VAL_DISTORTION] + row[VAL_RATE]
        assert row[VAL_NEGATIVE_ELBO] == pytest.approx(total, rel=1e-12)  # float64


def test_watching_a_run_does_not_change_it(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(
        "betafront.training.validation.cadence"
    )  # its name is also the function's
    results = {}
    for epochs in (1, 20):
        monkeypatch.setattr(module, "VALIDATIONS", epochs)
        results[epochs] = fit_one(make_run(), tmp_path / str(epochs))
    assert [len(results[epochs].history) for epochs in (1, 20)] == [1, 4]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("1", "20")]
    assert weights[0] == weights[1]
    assert results[1].metrics == results[20].metrics


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_no_step_searches_for_the_library_of_a_gpu(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []
    monkeypatch.setattr(torch.cuda, "_raw_device_count_nvml", lambda: searched.append(1) or -1)
    trained = fit_one(make_run(), tmp_path)
    assert trained.history[-1]["step"] == 12
    assert len(searched) < 12


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_a_run_in_another_precision_is_evaluated_in_the_datas(
    make_run: MakeRun, tmp_path: Path, precision: str
) -> None:
    result = fit_one(make_run(precision=precision), tmp_path)
    assert all(math.isfinite(value) for value in result.metrics.values())
    weights = load_file(tmp_path / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


class Lost(Gaussian):
    """A Gaussian with σ = 1 whose density is NaN from some training step on."""

    def __init__(self, after: int) -> None:
        super().__init__(sigma=1.0, mode="fixed")
        self.left = after

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        log_prob = super().log_prob(params, x)
        if self.training:
            self.left -= 1
        return log_prob if self.left >= 0 else log_prob * math.nan


# Three steps are an epoch. In 12 steps every epoch is logged; in 200 every third one is.
@pytest.mark.parametrize(
    ("step", "steps"),
    [(0, 5), (2, 12), (3, 12), (7, 12), (11, 12), (4, 5), (7, 200), (9, 200), (100, 200)],
)
def test_a_loss_that_is_lost_is_named_by_its_step(
    make_run: MakeRun, tmp_path: Path, step: int, steps: int
) -> None:
    rows: list[dict[str, float]] = []
    run = make_run(steps=steps, likelihood=partial(Lost, after=step))
    with pytest.raises(Diverged, match=f"NaN or infinite at step {step}$") as lost:
        fit_one(run, tmp_path, report=rows.append)
    assert lost.value.step == step
    assert all(math.isfinite(value) for row in rows for value in row.values())
    with pytest.raises(UserError, match="holds no finished run"):
        Result.load(tmp_path)


def test_a_huge_learning_rate_diverges_after_its_first_step(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(make_optimizer=partial(torch.optim.Adam, lr=1e30))
    with pytest.raises(Diverged) as lost:
        fit_one(run, tmp_path)
    assert lost.value.step == 1


def test_weights_lost_in_the_last_step_are_noticed(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(steps=1, make_optimizer=partial(torch.optim.Adam, lr=1e30))
    with pytest.raises(Diverged) as lost:
        fit_one(run, tmp_path)
    assert lost.value.step == 1


@pytest.mark.parametrize("after", [2, 1000])
def test_lightnings_own_log_is_left_as_it_was(
    make_run: MakeRun, tmp_path: Path, after: int
) -> None:
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        fit_one(make_run(likelihood=partial(Lost, after=after)), tmp_path)
    except Diverged:
        assert after == 2
    assert logger.level == logging.INFO
    logger.setLevel(level)


@pytest.mark.parametrize("key", ["steps", "batch_size", "threads"])
@pytest.mark.parametrize("value", [0, -1, 1.5])
def test_a_trainer_that_cannot_train_is_refused(key: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"trainer\.{key} must be a whole number .* not {value}"):
        Trainer(**{key: value})
