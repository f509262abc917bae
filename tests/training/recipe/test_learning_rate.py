"""The schedule of the learning rate, over the optimiser steps of a run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch.optim import lr_scheduler as rates

from betafront.config.build import build, check
from betafront.config.compose import compose
from betafront.errors import UserError
from betafront.objective import GECO, Gaussian, Linear
from betafront.shipped import conf_dir
from betafront.training import Run, Trainer, fit_one
from betafront.training.lightning.module import TrainingModule

MakeRun = Callable[..., Run]

STEPS, LR = 6, 1e-2


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """The learning rate of each group, in each optimiser step."""
    found: list[list[float]] = []
    step = TrainingModule.optimizer_step

    def taken(module: TrainingModule, *args: Any, **kwargs: Any) -> None:
        found.append([group["lr"] for group in module.state.optimizer.param_groups])
        step(module, *args, **kwargs)

    monkeypatch.setattr(TrainingModule, "optimizer_step", taken)
    return found


def run_of(make_run: MakeRun, make: Any, **changed: Any) -> Run:
    settings = {key: changed.pop(key) for key in ("batch_size", "accumulate") if key in changed}
    trainer = Trainer(**{"steps": STEPS, "batch_size": 32, "accelerator": "cpu"} | settings)
    return make_run(trainer=trainer, make_lr_schedule=make, **changed)


def alone(make: Any, steps: int = STEPS) -> list[float]:
    """The learning rates that torch gives these steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_is_torchs_at_every_optimiser_step(
    make_run: MakeRun, tmp_path: Path, seen: list[list[float]], accumulate: int
) -> None:
    make = partial(rates.CosineAnnealingLR, T_max=STEPS)
    run = run_of(make_run, make, batch_size=32 // accumulate, accumulate=accumulate)
    standing = fit_one(run, tmp_path).standing
    assert [lr for (lr,) in seen] == alone(make)
    assert standing is not None
    assert "its learning rate came down to 0 of the greatest, where any run settles" in (
        standing.reason
    )


@pytest.mark.parametrize(
    "make",
    [
        partial(rates.CosineAnnealingLR, T_max=STEPS, eta_min=1e-4),
        partial(rates.OneCycleLR, max_lr=LR, total_steps=STEPS, cycle_momentum=False),
    ],
)
def test_the_scale_of_a_likelihood_keeps_its_multiple(
    make_run: MakeRun, tmp_path: Path, seen: list[list[float]], make: Any
) -> None:
    likelihood = partial(Gaussian, mode="learned", lr_factor=10)
    fit_one(run_of(make_run, make, likelihood=likelihood), tmp_path)
    assert [group[0] for group in seen] == alone(make)
    assert all(own == 10 * lr for lr, own in seen)


def test_a_plateau_goes_by_validations_at_the_final_beta(
    make_run: MakeRun, tmp_path: Path, seen: list[list[float]]
) -> None:
    # No validation is better by half than the least before: each but the first halves it.
    make = partial(rates.ReduceLROnPlateau, factor=0.5, patience=0, threshold=0.5)
    run = make_run(
        trainer=Trainer(steps=15, batch_size=32, accelerator="cpu"),
        make_lr_schedule=make,
        schedule=Linear(warmup=0.4),  # up to the sixth step; validated after each third
    )
    fit_one(run, tmp_path)
    assert [lr / LR for (lr,) in seen] == [1.0] * 12 + [0.5] * 3


WORDS = ("data.limit=200", "model.hidden=[8]", "trainer.accelerator=cpu", "trainer.steps=40")
FIRST_AND_LAST = {
    "cosine": (1.0, 0.0015),
    "linear": (1.0, 0.025),
    "warmup_cosine": (0.01, 1e-6),
    "one_cycle": (0.04, 4e-6),
}


def test_every_choice_is_here() -> None:
    chosen = {path.stem for path in (conf_dir() / "lr_schedule").glob("*.yaml")}
    assert chosen == {*FIRST_AND_LAST, "none", "plateau"}


@pytest.mark.parametrize("name", FIRST_AND_LAST)
def test_the_choices_span_the_steps_of_the_run(name: str) -> None:
    run = build(compose([*WORDS, f"lr_schedule={name}"]))
    check(run)
    assert run.make_lr_schedule is not None
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler = run.make_lr_schedule(optimizer)
    found = []
    for _ in range(40):
        found.append(optimizer.param_groups[0]["lr"] / 1e-3)
        optimizer.step()
        scheduler.step()
    first, last = FIRST_AND_LAST[name]
    assert found[0] == pytest.approx(first)
    assert found[-1] == pytest.approx(last, rel=0.05)
    assert max(found) == pytest.approx(1.0, rel=1e-3)  # the top may lie between two steps


def test_a_warm_up_suits_runs_of_any_length() -> None:
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    chosen = OmegaConf.load(conf_dir() / "lr_schedule/warmup_cosine.yaml")
    for steps in range(1, 200):
        rates.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=chosen.pct_start)


def test_a_scheduler_that_fails_on_the_way_is_one_line(make_run: MakeRun, tmp_path: Path) -> None:
    ended = partial(rates.OneCycleLR, max_lr=LR, total_steps=STEPS - 1)
    with pytest.raises(UserError, match=r"lr_schedule: OneCycleLR has failed: ValueError: Tried "):
        fit_one(run_of(make_run, ended), tmp_path)


def test_a_learning_rate_of_nothing_has_not_come_down(make_run: MakeRun, tmp_path: Path) -> None:
    never = partial(rates.LambdaLR, lr_lambda=lambda step: 0.0)
    standing = fit_one(run_of(make_run, never), tmp_path).standing
    assert standing is not None
    assert "came down" not in standing.reason


def test_none_leaves_the_learning_rate_alone() -> None:
    assert build(compose(WORDS)).make_lr_schedule is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lr_schedule=plateau", "controller=geco", "controller.target=10"], "goes by the valid"),
        (["lr_schedule=cosine", "+lr_schedule.bend=2"], "lr_schedule: "),
        (["lr_schedule=cosine", "lr_schedule._target_=torch.nn.Identity"], "no torch.optim.lr_sch"),
        (["lr_schedule=one_cycle", "optimizer._target_=torch.optim.LBFGS", "~optimizer.fused"],
         "optimizer must support momentum"),
        (["lr_schedule=one_cycle", "lr_schedule.total_steps=39"],
         "OneCycleLR ends after total_steps=39 and the run takes 40: write total_steps: ${trainer"),
        (["lr_schedule=cosin"], "did you mean 'cosine'?"),
        (["lr_schedule=null"], "lr_schedule"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UserError) as refused:
        check(build(compose([*WORDS, *words])))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_plateau_is_refused_where_no_validation_says_what_it_waits_for(make_run: MakeRun) -> None:
    run = run_of(make_run, rates.ReduceLROnPlateau, controller=GECO(10.0))
    with pytest.raises(UserError, match="and a controller sets β"):
        check(run)
