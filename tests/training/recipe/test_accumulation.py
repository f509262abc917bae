"""An optimiser step of several batches."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from betafront.config.build import check
from betafront.errors import UserError
from betafront.objective import GECO, Gaussian
from betafront.training import Run, RunFolder, Trainer, fit_one
from betafront.training.state import RunState

MakeRun = Callable[..., Run]

SGD = partial(torch.optim.SGD, lr=1e-3)  # Adam makes gradients of rounding errors as large as any

PARTS: dict[str, dict[str, Any]] = {
    "β": {},
    "rate": {"controller": GECO(10.0, speed=0.02)},
    "mse": {"controller": GECO(0.05, watches="mse", speed=0.02)},
}


def trainer(**changed: Any) -> Trainer:
    return Trainer(**{"steps": 9, "batch_size": 32, "accelerator": "cpu", "keep": "last"} | changed)


@pytest.mark.parametrize("name", PARTS)
def test_two_batches_are_one_of_twice_the_size(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    likelihood = partial(Gaussian, mode="learned")  # an optimal scale is that of each batch
    run = partial(make_run, likelihood=likelihood, make_optimizer=SGD, **PARTS[name])
    one = fit_one(run(trainer=trainer()), tmp_path / "one")
    two = fit_one(run(trainer=trainer(batch_size=16, accumulate=2)), tmp_path / "two")
    assert [row["step"] for row in two.history] == [row["step"] for row in one.history]
    # The same examples with the same noise, added in another order: float32 has seven digits.
    for key, value in one.metrics.items():
        assert two.metrics[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key
    with (
        np.load(RunFolder(tmp_path / "one").trace) as first,
        np.load(RunFolder(tmp_path / "two").trace) as second,
    ):
        assert set(first) == set(second)
        for key in first:
            np.testing.assert_allclose(second[key], first[key], rtol=1e-5, err_msg=key)


def test_it_is_validated_as_often_as_one_of_twice_the_size(make_run: MakeRun) -> None:
    one, two = (make_run(trainer=t) for t in (trainer(), trainer(batch_size=16, accumulate=2)))
    cpu = torch.device("cpu")
    assert RunState(two, cpu).cadence == RunState(one, cpu).cadence


def test_an_epoch_has_whole_steps_alone(make_run: MakeRun) -> None:
    # 120 examples: seven whole batches of 16, of which three are a step.
    assert make_run(trainer=trainer(batch_size=16, accumulate=3)).epoch == 2


def test_an_epoch_of_too_few_batches_is_refused(make_run: MakeRun) -> None:
    run = make_run(trainer=trainer(accumulate=6))
    with pytest.raises(UserError, match=r"trainer\.accumulate=6: an optimiser step of so many bat"):
        check(run)
    with pytest.raises(UserError, match=r"trainer\.accumulate=6: an optimiser step of so many bat"):
        _ = run.epoch


def test_an_optimiser_that_asks_for_its_gradient_anew_is_refused(make_run: MakeRun) -> None:
    run = make_run(trainer=trainer(accumulate=2), make_optimizer=torch.optim.LBFGS)
    with pytest.raises(UserError, match=r"trainer\.accumulate=2: L-BFGS asks for the gradient of "):
        check(run)
