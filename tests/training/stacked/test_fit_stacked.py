"""Runs that are fitted together: each ends as it does alone, whatever becomes of the others."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from betafront.models import VAE, mlp
from betafront.objective import ControlVAE, Gaussian, Likelihood, Linear
from betafront.training import Attempt, Failure, Result, Run, Trainer, fit, fit_one
from betafront.training.folder import RunFolder

MakeRun = Callable[..., Run]

CLOSE = 1e-4  # relative: what float32 rounding comes to in the few steps of these runs
TRAINER = Trainer(steps=12, batch_size=32, accelerator="cpu", checkpoint_seconds=0)
LOST = partial(torch.optim.Adam, lr=1e30)


@pytest.fixture
def short(make_run: MakeRun) -> MakeRun:
    """Runs of 12 steps in 4 epochs that checkpoint at the end of each."""
    return partial(make_run, trainer=TRAINER)


@pytest.fixture
def some(short: MakeRun) -> list[Run]:
    """Three runs that can be stacked."""
    return [
        short(weight=0.5, schedule=Linear()),
        short(seed=1, make_optimizer=partial(torch.optim.Adam, lr=3e-3)),
        short(seed=2, controller=ControlVAE(2.0, ki=0.02)),
    ]


def together(runs: Sequence[Run], folder: Path, **how: Any) -> list[Result | Failure]:
    return fit([Attempt(run, folder / str(n), **how) for n, run in enumerate(runs)])


def assert_same(found: Result | Failure, alone: Result, stacked: int = 3) -> None:
    assert isinstance(found, Result), found
    assert found.settings.get("training/stacked", 1) == stacked
    assert found.metrics == pytest.approx(alone.metrics, rel=CLOSE, abs=1e-5)
    assert len(found.history) == len(alone.history)
    for row, expected in zip(found.history, alone.history, strict=True):
        assert row == pytest.approx(expected, rel=CLOSE, abs=1e-5)


def test_each_has_the_result_that_it_has_alone(some: list[Run], tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    outcomes = together(some, tmp_path / "stacked", report=rows.append)
    for number, (run, outcome) in enumerate(zip(some, outcomes, strict=True)):
        alone = fit_one(run, tmp_path / "alone" / str(number))
        assert_same(outcome, alone)
        assert {p.name for p in (tmp_path / "stacked" / str(number)).iterdir()} == {
            p.name for p in (tmp_path / "alone" / str(number)).iterdir()
        }
    assert [row["step"] for row in rows] == [3, 3, 3, 6, 6, 6, 9, 9, 9, 12, 12, 12]


def test_what_ends_a_run_leaves_the_others(short: MakeRun, some: list[Run], tmp_path: Path) -> None:
    def broken(row: dict[str, float]) -> None:
        raise ValueError("the report broke")

    steps = iter(range(100))
    outcomes = fit(
        [
            Attempt(some[0], tmp_path / "0"),
            Attempt(short(make_optimizer=LOST), tmp_path / "lost"),
            Attempt(some[1], tmp_path / "1"),
            Attempt(short(seed=3), tmp_path / "halted", halt=lambda: True),
            Attempt(short(seed=4), tmp_path / "late", seconds=0.0),
            Attempt(short(seed=5), tmp_path / "broken", report=broken),
            Attempt(short(seed=6), tmp_path / "taken", dropped=lambda: next(steps) == 7),
            Attempt(some[2], tmp_path / "2"),
        ]
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert [(failure.kind, failure.step) for failure in failures] == [
        ("diverged", 1), ("halted", 3), ("timed out", 1), ("failed", None), ("dropped", 8),
    ]  # fmt: skip
    for number, place in enumerate((0, 2, 7)):
        assert_same(outcomes[place], fit_one(some[number], tmp_path / f"alone {number}"), 8)
    assert RunFolder(tmp_path / "halted").has_checkpoint


def test_a_run_whose_patience_is_spent_ends_there(short: MakeRun, tmp_path: Path) -> None:
    still = partial(torch.optim.Adam, lr=0.0)
    trainer = replace(TRAINER, patience=1)
    runs = [short(trainer=trainer, make_optimizer=still), short(seed=1, trainer=trainer)]
    outcomes = together(runs, tmp_path / "stacked")
    for number, run in enumerate(runs):
        assert_same(outcomes[number], fit_one(run, tmp_path / str(number)), 2)
    ended = [len(outcome.history) for outcome in outcomes if isinstance(outcome, Result)]
    assert ended == [2, 4]


@pytest.mark.parametrize("first", ["stacked", "alone"])
@pytest.mark.parametrize("then", ["stacked", "alone"])
def test_a_run_that_was_stopped_goes_on(
    some: list[Run], tmp_path: Path, first: str, then: str
) -> None:
    def fitted(how: str, **more: Any) -> list[Result | Failure]:
        if how == "stacked":
            return together(some, tmp_path, **more)
        return [fit([Attempt(run, tmp_path / str(n), **more)])[0] for n, run in enumerate(some)]

    halted = fitted(first, halt=lambda: True)
    assert [outcome.step for outcome in halted if isinstance(outcome, Failure)] == [3, 3, 3]
    sizes = [RunFolder(tmp_path / str(n)).checkpoint.stat().st_size for n in range(3)]
    assert max(sizes) < 1.2 * min(sizes) < 200_000  # and not those of a whole stack
    for number, outcome in enumerate(fitted(then)):
        whole = fit_one(some[number], tmp_path / "whole" / str(number))
        assert_same(outcome, whole, 3 if "stacked" in (first, then) else 1)


def test_runs_at_different_steps_do_not_stack(
    short: MakeRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [short(seed=seed) for seed in range(3)]
    (halted,) = fit([Attempt(runs[1], tmp_path / "1", halt=lambda: True)])
    assert isinstance(halted, Failure)
    with caplog.at_level(logging.INFO):
        outcomes = together(runs, tmp_path)
    settings = [o.settings.get("training/stacked") for o in outcomes if isinstance(o, Result)]
    assert settings == [2, None, 2]
    assert "1 is trained alone: it goes on from step 3, and not from 0" in caplog.text


def dropping(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    """A model that draws from torch's global generator."""
    model = mlp(shape, likelihood, latents=2, hidden=(16,))
    model.decoder = nn.Sequential(nn.Dropout(0.1), model.decoder)
    return model


class Counted(nn.Linear):
    """A layer that counts its calls, of which one for several runs would be one."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(x)


def counting(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    model = mlp(shape, likelihood, latents=2, hidden=(16,))
    model.decoder = nn.Sequential(Counted(2, 2), model.decoder)
    return model


class Branching(nn.Module):
    """A decoder that asks what its input is, which no call of several runs can answer."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.decoder(z if z.sum() > 0 else -z)
        return found


def branching(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    model = mlp(shape, likelihood, latents=2, hidden=(16,))
    model.decoder = Branching(model.decoder)
    return model


def test_runs_whose_steps_cannot_be_taken_together_are_trained_alone(
    short: MakeRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [short(architecture=branching, seed=seed) for seed in range(2)]
    with caplog.at_level(logging.INFO):
        outcomes = together(runs, tmp_path)
    assert "1 is trained alone: vmap: It looks like you're attempting to use a Tensor in" in (
        caplog.text
    )
    for number, outcome in enumerate(outcomes):
        assert_same(outcome, fit_one(runs[number], tmp_path / "alone" / str(number)), 1)


def test_what_cannot_be_stacked_is_named_and_trained_alone(
    short: MakeRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    batches = replace(TRAINER, accumulate=2, steps=4)
    runs = {
        "dropout": short(architecture=dropping),
        "dropout too": short(architecture=dropping, seed=1),
        "counted": short(architecture=counting),
        "counted too": short(architecture=counting, seed=1),
        "lbfgs": short(make_optimizer=partial(torch.optim.LBFGS, lr=0.1, max_iter=2)),
        "accumulated": short(trainer=batches),
        "wide": short(architecture=partial(mlp, latents=2, hidden=(17,))),
        "momentum": short(likelihood=partial(Gaussian, momentum=0.5)),
    }
    with caplog.at_level(logging.INFO):
        outcomes = fit([Attempt(run, tmp_path / name) for name, run in runs.items()])
    said = dict(
        record.getMessage().split(" is trained alone: ")
        for record in caplog.records
        if record.name == "betafront.training.fitting"
    )
    assert said == {
        "dropout": "its model draws from the global generators, as dropout does",
        "dropout too": "its model draws from the global generators, as dropout does",
        "counted": "its model keeps something of a call beside its tensors",
        "counted too": "its model keeps something of a call beside its tensors",
        "lbfgs": "LBFGS is not known to treat each element by itself",
        "accumulated": "trainer.accumulate=2",
        "wide": "its model has other parts",
        "momentum": "encoder.1 of its model has other shapes",
    }
    for name, outcome in zip(runs, outcomes, strict=True):
        assert isinstance(outcome, Result), outcome
        alone = fit_one(runs[name], tmp_path / "alone" / name)
        assert outcome.metrics == alone.metrics
