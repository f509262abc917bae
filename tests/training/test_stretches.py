"""Steps in stretches have the bits of steps that Lightning is given one by one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback

from betafront.objective import DIP
from betafront.training import Run, Trainer, fit_one
from betafront.training.lightning import trained as place
from betafront.training.lightning.stretches import none_listens

MakeRun = Callable[..., Run]
FILES = ("model.safetensors", "history.json", "trace.npz")


def trainer(**changed: object) -> Trainer:
    return Trainer(steps=14, batch_size=32, accelerator="cpu", **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"trainer": trainer()},
        {"trainer": trainer(clip_norm=0.1, ema=0.9), "penalties": (DIP(1.0),)},
        {"trainer": trainer(aggressive=2)},
        {
            "trainer": trainer(patience=1),
            "make_optimizer": partial(torch.optim.LBFGS, lr=0.1, max_iter=2),
        },
    ],
)
def test_stretches_are_single_steps_bit_for_bit(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object]
) -> None:
    run = make_run(**changed)
    assert none_listens(run)
    together = fit_one(run, tmp_path / "together")
    monkeypatch.setattr(place, "none_listens", lambda run: False)
    single = fit_one(run, tmp_path / "single")
    assert together.metrics == single.metrics
    for name in FILES:
        one, other = ((tmp_path / kind / name).read_bytes() for kind in ("together", "single"))
        assert one == other, name


def test_whoever_may_listen_to_every_batch_is_told_of_each(
    make_run: MakeRun, tmp_path: Path
) -> None:
    class Counting(Callback):
        batches = 0

        def on_train_batch_end(self, *_: object) -> None:
            self.batches += 1

    counting = Counting()
    fit_one(make_run(callbacks={"counting": counting}), tmp_path)
    assert counting.batches == 12
