"""Training on images that are read batch by batch: the bits of training on them in memory."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.picture_folders import folder_of
from torchvision.transforms import v2

from betafront.config.build import check
from betafront.data import Data, data_cautions, digits, folder
from betafront.metrics import evaluate
from betafront.metrics.zero_rate import zero_rate
from betafront.objective import Gaussian
from betafront.training import Run, Trainer, fit_one
from betafront.training.folder import RunFolder

MakeRun = Callable[..., Run]

WAYS: dict[str, dict[str, Any]] = {"levels": {}, "dequantised": {"dequantize": True}}


@pytest.fixture(scope="module")
def pics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as PNGs, in a folder for each."""
    images = digits(limit=200)
    root = tmp_path_factory.mktemp("pics")
    x = (images.train * 255).round().byte().numpy()
    assert images.factors is not None
    for label in range(10):
        mine = x[(images.factors.train[:, 0] == label).numpy()]
        folder_of(root / str(label), len(mine), lambda i, mine=mine: mine[i, 0])
    return root


@pytest.fixture(autouse=True)
def cache(pics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(pics.parent / "cache"))


def augmented(data: Data) -> Data:
    return data.augmented([v2.RandomAffine(20, (0.1, 0.1))])


@pytest.mark.parametrize("way", sorted(WAYS))
def test_streamed_and_in_memory_end_in_the_same_bits(
    make_run: MakeRun, pics: Path, tmp_path: Path, way: str
) -> None:
    further = {
        "iwae": {"draws": [1, 5]},
        "decomposition": None,
        "prior_gap": None,
        "likeness": None,
    }
    results = []
    for in_memory in (True, False):
        data = folder("pics", str(pics), in_memory=in_memory, val=0.2, test=0.2, **WAYS[way])
        run = make_run(
            data=augmented(data),
            evaluate=partial(evaluate, further=further),
            likelihood=partial(Gaussian, mode="learned", calibrate=True),
        )
        check(run)
        run.metric_names()
        results.append(fit_one(run, tmp_path / str(in_memory)))
    memory, stored = results
    assert stored.metrics == memory.metrics
    assert stored.history == memory.history
    assert stored.data == memory.data
    assert stored.standing == memory.standing
    for file in ("model.safetensors", "pictures/reconstructions.png"):
        assert (tmp_path / "True" / file).read_bytes() == (tmp_path / "False" / file).read_bytes()


def test_an_augmented_run_that_was_stopped_ends_in_the_same_bits(
    make_run: MakeRun, small_digits: Any, tmp_path: Path
) -> None:
    trainer = Trainer(steps=12, batch_size=32, accelerator="cpu", checkpoint_seconds=0)

    def run() -> Run:
        return make_run(data=augmented(small_digits), trainer=trainer)

    def unplug(row: dict[str, float]) -> None:
        if row["step"] >= 6:
            raise InterruptedError

    whole = fit_one(run(), tmp_path / "whole")
    with pytest.raises(InterruptedError):
        fit_one(run(), tmp_path / "stopped", report=unplug)
    assert RunFolder(tmp_path / "stopped").has_checkpoint
    assert fit_one(run(), tmp_path / "stopped").metrics == whole.metrics
    plain = fit_one(make_run(data=small_digits, trainer=trainer), tmp_path / "plain")
    assert plain.metrics != whole.metrics


def test_what_a_study_says_of_the_data_is_the_same(pics: Path) -> None:
    memory, stored = (
        folder("pics", str(pics), in_memory=in_memory, val=0.4, test=0.2)
        for in_memory in (True, False)
    )
    one, other = (data_cautions(data) for data in (memory, stored))
    assert one[1:] == other[1:]
    assert "read batch by batch" in other[0]
    train = memory.examples("train", 30)
    floors = [zero_rate(Gaussian(), train, data.rows("val")) for data in (memory, stored)]
    assert floors[0] == floors[1]
    assert torch.equal(memory.rows("val")[3:5], stored.rows("val")[3:5])
