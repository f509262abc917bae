"""One run on several devices: here two processes on the CPU."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import CSVLogger

from betafront.config.build import check
from betafront.errors import UserError
from betafront.models import standard_normal
from betafront.objective import (
    GECO,
    MMD,
    FreeBits,
    Gaussian,
    Layers,
    Objective,
    Terms,
    normalisation,
)
from betafront.training import Halted, Run, RunFolder, Trainer, fit_one
from betafront.training.lightning import devices
from betafront.training.lightning.devices import for_others
from betafront.training.lightning.trained import trained
from betafront.training.recipe.share import Share, noise_for
from betafront.training.recipe.step_means import StepMeans

MakeRun = Callable[..., Run]

LEARNED = partial(Gaussian, mode="learned")


def run_on(make_run: MakeRun, devices: int, **changed: Any) -> Run:
    settings = {key: changed.pop(key) for key in ("batch_size", "strategy") if key in changed}
    given = {"steps": 9, "batch_size": 32, "accelerator": "cpu", "keep": "last"} | settings
    trainer = Trainer(devices=devices, ema=0.9, clip_norm=50.0, **given)  # type: ignore[arg-type]
    sgd = partial(torch.optim.SGD, lr=1e-3)
    return make_run(**{"trainer": trainer, "likelihood": LEARNED, "make_optimizer": sgd} | changed)


def watched() -> dict[str, Any]:
    """A callback that refuses to work without a logger, and one."""
    return {"callbacks": {"lr": LearningRateMonitor()}, "loggers": {"csv": partial(CSVLogger)}}


def test_the_parts_of_the_noise_are_those_of_the_whole() -> None:
    like = torch.zeros(1)
    whole = standard_normal((6, 2), torch.Generator().manual_seed(1), like)
    for part in range(3):
        noise = noise_for(torch.device("cpu"), Share(part, 3)).manual_seed(1)
        drawn = standard_normal((2, 2), noise, like)
        assert torch.equal(drawn, whole[2 * part : 2 * part + 2])


def test_the_beta_of_layers_is_that_of_the_whole_batch() -> None:
    objective = Objective(
        1.0, normalisation("sum"), 4, 3, widths=(2, 1), shaping=Layers([1.0, 0.2])
    )

    def seen(kl: torch.Tensor) -> StepMeans:
        terms = Terms(torch.zeros(len(kl)), kl)
        return StepMeans.of(terms, objective.step(terms, 0.5, objective.start()))

    kl = torch.rand(6, 3, generator=torch.Generator().manual_seed(0)) ** 4
    sent = list[torch.Tensor]()

    def noted(values: torch.Tensor) -> torch.Tensor:
        sent.append(values)
        return values

    for part in kl.chunk(2):
        seen(part).over_devices(noted)
    shared = seen(kl[:3]).over_devices(lambda _: torch.stack(sent).mean(0))
    torch.testing.assert_close(shared.beta, seen(kl).beta)
    assert abs(torch.stack([seen(part).beta for part in kl.chunk(2)]).mean() - shared.beta) > 0.01


def test_callbacks_find_loggers_in_every_process(make_run: MakeRun, tmp_path: Path) -> None:
    fit_one(for_others(run_on(make_run, 1, **watched())), tmp_path)
    assert not list(tmp_path.rglob("metrics.csv"))


def test_what_is_sent_to_every_process_is_for_the_first(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    during = list[Any]()

    class Noting(pl.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            during.append({signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)})

    def alone(run: Run, folder: Path, part: int, **how: Any) -> None:
        trained(replace(run, callbacks={"note": Noting()}), folder, **how)

    monkeypatch.setattr(devices, "trained", alone)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    try:
        devices._train(cloudpickle.dumps(run_on(make_run, 1)), tmp_path, 1, 0)
    finally:
        for one, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(one, handler)
    assert during[-1] == {signal.SIG_IGN}


@pytest.mark.slow
def test_two_processes_come_to_what_one_comes_to(make_run: MakeRun, tmp_path: Path) -> None:
    on = partial(run_on, make_run, controller=GECO(10.0, speed=0.02), **watched())
    one = fit_one(on(1), tmp_path / "one")
    two = fit_one(on(2), tmp_path / "two")
    for key, value in one.metrics.items():  # float32 has seven digits
        assert two.metrics[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key
    with (
        np.load(RunFolder(tmp_path / "one").trace) as first,
        np.load(RunFolder(tmp_path / "two").trace) as second,
    ):
        for key in first:
            np.testing.assert_allclose(second[key], first[key], rtol=1e-5, err_msg=key)
    # Stopped and resumed, two processes end with their own bits.
    with pytest.raises(Halted):
        fit_one(on(2), tmp_path / "halted", halt=lambda: True)
    resumed = fit_one(on(2), tmp_path / "halted")
    assert (resumed.metrics, resumed.history) == (two.metrics, two.history)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batch_size": 31}, "have equal parts of a batch, and 31 examples have none"),
        ({"penalties": (MMD(1.0),)}, "and penalties compare the examples of a batch"),
        ({"shaping": FreeBits(1.0)}, "and FreeBits reads the mean KL of a batch"),
        ({"likelihood": Gaussian}, "and an optimal scale is that of a batch: use likelihood.mode"),
    ],
)
def test_what_several_processes_cannot_keep_is_refused(
    make_run: MakeRun, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        check(run_on(make_run, 2, **changed))
    assert str(refused.value).startswith("trainer.devices=2 have ")
    assert said in str(refused.value)


def test_a_part_that_cannot_be_sent_is_one_line(make_run: MakeRun, tmp_path: Path) -> None:
    with (tmp_path / "notes").open("w") as file:
        run = run_on(make_run, 2, callbacks={"notes": file})
        with pytest.raises(UserError, match=r"^trainer\.devices=2: a part of the run .*Pickl"):
            fit_one(run, tmp_path)


def test_a_strategy_that_splits_the_model_is_refused(make_run: MakeRun) -> None:
    with pytest.raises(UserError, match=r"trainer\.strategy is one of auto, ddp, ddp_find_unused"):
        run_on(make_run, 2, strategy="fsdp")
