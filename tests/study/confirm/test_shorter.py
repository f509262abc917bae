"""A longer run that confirms a decision goes on from a shorter one, where it may."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from optuna.trial import FrozenTrial, TrialState, create_trial

from betafront.config.compose import compose
from betafront.study.trials.origin import Confirms
from betafront.study.trials.ours import ORIGIN, RECORD, trial_folder
from betafront.study.trials.replicates import Record
from betafront.study.worker.confirming import confirming_overrides, may_go_on, shorter_run
from betafront.training.folder import RunFolder
from betafront.training.history import STEP, TRAIN_BETA
from betafront.training.result import OnTheScale

RUN = Confirms(trial=0, factor=0.5, seed=0, times=4)


def trained(place: Path, run: Confirms, *betas: float, last: bool = True) -> FrozenTrial:
    """The trial of a finished run whose history has these β."""
    number = len(list(place.iterdir()))
    folder = RunFolder(place / trial_folder(number))
    folder.path.mkdir()
    rows = [{STEP: n, TRAIN_BETA: beta} for n, beta in enumerate(betas or (1.0, 1.0))]
    folder.history.write_text(json.dumps(rows))
    if last:
        folder.last.touch()
    record = Record({}, OnTheScale.read({}), 1.0, folder.path.name)
    attrs: dict[str, Any] = {ORIGIN: {"confirms": list(run)}, RECORD: record.written()}
    made = create_trial(state=TrialState.COMPLETE, value=0.0, user_attrs=attrs)
    made.number = number
    return made


def test_the_longest_shorter_run_of_the_same_settings_and_seed_is_taken(tmp_path: Path) -> None:
    others = [
        RUN._replace(times=1), RUN._replace(times=2), RUN._replace(times=8),
        RUN._replace(seed=1, times=2), RUN._replace(factor=2.0, times=2),
        RUN._replace(trial=1, times=2),
    ]  # fmt: skip
    trials = [trained(tmp_path, other) for other in others]
    assert shorter_run(RUN, trials, tmp_path) == RunFolder(tmp_path / trial_folder(1))
    assert shorter_run(RUN, trials[2:], tmp_path) is None


@pytest.mark.parametrize(("betas", "last"), [((0.5, 1.0), True), ((), False)])
def test_not_under_a_schedule_and_not_where_the_state_is_gone(
    tmp_path: Path, betas: tuple[float, ...], last: bool
) -> None:
    trials = [trained(tmp_path, RUN._replace(times=2), *betas, last=last)]
    assert shorter_run(RUN, trials, tmp_path) is None


@pytest.mark.parametrize(
    ("words", "may"),
    [
        (["schedule=linear", "schedule.warmup=0.1"], True),  # of which the history tells the end
        (["lr_schedule=cosine"], False),
        (["data=nothing"], False),
    ],
)
def test_what_goes_by_the_planned_steps_beside_beta_does_not_go_on(
    words: list[str], may: bool
) -> None:
    assert may_go_on(compose, words) == may  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["constant", "linear", "cosine", "staircase", "sigmoid"])
def test_a_warm_up_takes_the_steps_that_it_took(kind: str) -> None:
    overrides = [f"schedule={kind}", "trainer.steps=2000", "objective.weight=1.5"]
    run = Confirms(trial=0, factor=2.0, seed=0, times=4)
    longer = compose(confirming_overrides(compose, overrides, run))  # type: ignore[arg-type]
    assert (longer.objective.weight, longer.trainer.steps) == (3.0, 8000)
    before, now = (instantiate(config.schedule) for config in (compose(overrides), longer))
    steps = range(0, 2001, 100)
    assert [now(s / 8000) for s in steps] == pytest.approx(
        [before(s / 2000) for s in steps], abs=1e-5
    )
