"""Several runs in one call of fit: each is what it is alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from betafront.objective import ControlVAE, Gaussian
from betafront.training import (
    Attempt,
    Diverged,
    Dropped,
    Failure,
    Halted,
    Result,
    Run,
    TimedOut,
    Trainer,
    fit,
    fit_one,
)
from betafront.training.folder import RunFolder

MakeRun = Callable[..., Run]

RUNS: dict[str, dict[str, Any]] = {
    "schedule": {"likelihood": partial(Gaussian, mode="learned")},
    "controller": {"controller": ControlVAE(4.0, ki=0.02), "seed": 5},
}


def files(folder: Path) -> dict[str, bytes]:
    """The files of a run that hold its numbers."""
    place = RunFolder(folder)
    return {p.name: p.read_bytes() for p in (place.model, place.trace, place.history)}


@pytest.mark.parametrize("order", [("schedule", "controller"), ("controller", "schedule")])
def test_each_run_has_the_bits_that_it_has_alone(
    make_run: MakeRun, tmp_path: Path, order: tuple[str, str]
) -> None:
    alone = {name: fit_one(make_run(**RUNS[name]), tmp_path / "alone" / name) for name in order}
    batches = Trainer(steps=12, batch_size=16, accelerator="cpu")  # no run is stacked with another
    lost = make_run(make_optimizer=partial(torch.optim.Adam, lr=1e30), trainer=batches)
    first, failed, second = fit(
        [
            Attempt(make_run(**RUNS[order[0]]), tmp_path / order[0]),
            Attempt(lost, tmp_path / "lost"),
            Attempt(make_run(**RUNS[order[1]]), tmp_path / order[1]),
        ]
    )
    assert isinstance(failed, Failure)
    assert failed.kind == "diverged"
    for name, result in zip(order, (first, second), strict=True):
        assert isinstance(result, Result)
        assert result.metrics == alone[name].metrics
        assert result.scale == alone[name].scale
        assert files(tmp_path / name) == files(tmp_path / "alone" / name)


def test_no_runs_give_no_results() -> None:
    assert fit([]) == []


def test_a_failure_says_which_it_was_and_why(make_run: MakeRun, tmp_path: Path) -> None:
    def broken(row: dict[str, float]) -> None:
        raise ValueError("the report\nbroke")

    lost = make_run(make_optimizer=partial(torch.optim.Adam, lr=1e30))
    outcomes = fit(
        [
            Attempt(lost, tmp_path / "lost"),
            Attempt(make_run(), tmp_path / "halted", halt=lambda: True),
            Attempt(make_run(), tmp_path / "late", seconds=0.0),
            Attempt(make_run(), tmp_path / "broken", report=broken),
            Attempt(make_run(), tmp_path / "taken", dropped=lambda: True),
        ]
    )
    failures = [o for o in outcomes if isinstance(o, Failure)]
    said = [(o.kind, o.step, o.reason.partition(" (")[0]) for o in failures]
    assert said == [
        ("diverged", 1, "diverged: the loss became NaN or infinite at step 1"),
        ("halted", 3, "halted after 3 steps, with a checkpoint to go on from"),
        ("timed out", 1, "timed out: training took longer than 0 s: it was at step 1"),
        ("failed", None, "failed: ValueError: the report broke"),
        ("dropped", 1, "dropped after 1 steps: nobody waits for its result"),
    ]
    assert "test_attempts.py, line " in failures[3].reason
    assert RunFolder(tmp_path / "halted").has_checkpoint
    assert not RunFolder(tmp_path / "taken").has_checkpoint
    for name in ("lost", "halted", "late", "broken", "taken"):
        assert not RunFolder(tmp_path / name).has_result


def test_an_attempt_that_runs_out_of_memory_says_so(make_run: MakeRun, tmp_path: Path) -> None:
    def hungry(row: dict[str, float]) -> None:
        torch.empty(2**50)

    (outcome,) = fit([Attempt(make_run(), tmp_path, report=hungry)])
    assert isinstance(outcome, Failure)
    assert outcome.kind == "out of memory"


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"halt": lambda: True}, Halted),
        ({"seconds": 0.0}, TimedOut),
        ({"dropped": lambda: True}, Dropped),
    ],
)
def test_of_one_run_a_failure_is_raised(
    make_run: MakeRun, tmp_path: Path, how: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        fit_one(make_run(), tmp_path, **how)
    with pytest.raises(Diverged):
        lost = make_run(make_optimizer=partial(torch.optim.Adam, lr=1e30))
        fit_one(lost, tmp_path / "lost")


def test_ctrl_c_ends_every_attempt(make_run: MakeRun, tmp_path: Path) -> None:
    rows = []

    def interrupted(row: dict[str, float]) -> None:
        rows.append(row)
        raise KeyboardInterrupt

    attempts = [Attempt(make_run(), tmp_path / str(i), report=interrupted) for i in range(2)]
    with pytest.raises(KeyboardInterrupt):
        fit(attempts)
    assert len(rows) == 1
