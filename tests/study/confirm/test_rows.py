"""What the history of a long run says of a shorter one, and the noise of a study's runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.trial import TrialState, create_trial

from betafront.front.table import DISTORTION, RATE
from betafront.study.confirm.cost import wall_seconds
from betafront.study.confirm.noise import seed_noise
from betafront.study.confirm.picks import Picked
from betafront.study.confirm.rows import failures, row_after, rows_of
from betafront.study.trials.lease import LEASE
from betafront.study.trials.origin import Confirms
from betafront.study.trials.ours import ORIGIN, RECORD, trial_folder
from betafront.study.trials.replicates import Record
from betafront.study.trials.status import REASON
from betafront.training.history import STEP, TRAIN_BETA, VAL_DISTORTION, VAL_RATE, Row
from betafront.training.result import OnTheScale
from betafront.training.standing import Standing

PICK = Picked("best ELBO", 4, 1.0, 1.0)


def history(*rows: tuple[int, float], beta: float = 2.0, until: int = 0) -> list[Row]:
    """Rows of a step and a D, with a rate of 1 nat, whose β was lower up to the step `until`."""
    return [
        {
            STEP: step,
            VAL_DISTORTION: d,
            VAL_RATE: 1.0,
            TRAIN_BETA: beta * (0.5 + 0.5 * (step > until)),
        }
        for step, d in rows
    ]


ROWS = ((100, 5.0), (200, 3.0), (300, 4.0), (400, 6.0))


@pytest.mark.parametrize(
    ("steps", "best", "expected"),
    [(400, True, 200), (400, False, 400), (350, False, 300), (100, True, 100), (300, True, 200)],
)
def test_the_kept_row_stands_for_a_shorter_run(steps: int, best: bool, expected: int) -> None:
    row = row_after(history(*ROWS), steps, 2.0, best)
    assert row is not None
    assert row[STEP] == expected


def test_a_history_says_nothing_of_a_shorter_run_where_beta_was_not_final_yet() -> None:
    """After a warm-up rows count; not where β left its final value again, as cycles do."""
    assert row_after(history(*ROWS, until=200), 200, 2.0, True) is None
    after = row_after(history(*ROWS, until=200), 300, 2.0, True)
    assert after is not None
    assert after[STEP] == 300  # the least of those at the final β
    cycle = history(*ROWS[:1]) + history(*ROWS[1:2], until=200) + history(*ROWS[2:])
    assert row_after(cycle, 300, 2.0, True) is None
    assert row_after(history(*ROWS), 50, 2.0, True) is None  # no row
    assert row_after(history(*ROWS), 800, 2.0, True) is None  # the last is too far before
    assert row_after([], 100, 2.0, True) is None


def confirming(run: Confirms, why: str | None = None, standing: Standing | None = None) -> Any:
    """The trial of a run that has ended: failed, or with a result."""
    attrs: dict[str, Any] = {ORIGIN: {"confirms": list(run)}, LEASE: {"until": 0.0}}
    if why:
        return create_trial(state=TrialState.FAIL, user_attrs=attrs | {REASON: why})
    metrics = {DISTORTION: 5.0, RATE: 1.0}
    scale = replace(OnTheScale.read({}), beta=1.0)
    record = Record(metrics, scale, 1.0, trial_folder(0), standing=standing)
    made = create_trial(
        state=TrialState.COMPLETE, value=0.0, user_attrs=attrs | {RECORD: record.written()}
    )
    made.number = 0
    return made


def test_the_longest_run_that_failed_is_named_though_a_shorter_one_has_a_result() -> None:
    planned = [Confirms(4, factor, *group) for group in ((0, 4), (1, 1)) for factor in (1.0, 2.0)]
    why = [None, "diverged: at step 3", "out of memory", None]
    trials = [confirming(run, failed) for run, failed in zip(planned, why, strict=True)]
    assert failures(PICK, planned, trials) == {2.0: "diverged: at step 3"}
    assert failures(Picked("knee", 9, 1.0, 2.0), planned, trials) == {}


def test_an_overfitted_run_says_nothing_of_the_steps_after_its_least_value(tmp_path: Path) -> None:
    run = Confirms(4, 1.0, 0, 4)
    (tmp_path / trial_folder(0)).mkdir()
    (tmp_path / trial_folder(0) / "history.json").write_text(json.dumps(history(*ROWS, beta=1.0)))
    over = Standing("overfitted", "why", step=400, steps=400, kept="last", since=150)
    rows = rows_of(PICK, [run], [confirming(run, standing=over)], tmp_path, 100)
    stand = {row.steps: row.standing for row in rows}
    assert stand == {400: "overfitted", 200: "overfitted", 100: "unknown"}


def test_the_noise_of_replicates_is_pooled_over_trials() -> None:
    whose = {"trial": [0, 0, 1, 1, 1], "replicate": [0, 1, 0, 1, 2]}
    runs = pd.DataFrame(whose | {DISTORTION: [1.0, 3.0, 2.0, 4.0, 6.0], RATE: 1.0})
    table = pd.DataFrame({"trial": [0, 1], "beta": [1.0, 2.0], DISTORTION: [2.0, 4.0], RATE: 1.0})
    noise = seed_noise(table, runs, PICK)
    assert noise.sd == pytest.approx(((2 * 1 + 4 * 2) / 3) ** 0.5)
    assert noise.degrees == 3
    assert "replicates" in noise.basis


def test_the_noise_of_a_curve_is_that_of_its_points_and_not_along_it() -> None:
    whose = {"trial": 0, "replicate": [0, 0, 1, 1], "beta": [1.0, 2.0] * 2}
    runs = pd.DataFrame(whose | {DISTORTION: [1.0, 50.0, 3.0, 54.0], RATE: 1.0})
    table = pd.DataFrame({"trial": 0, "beta": [1.0, 2.0], DISTORTION: [2.0, 52.0], RATE: 1.0})
    noise = seed_noise(table, runs, PICK)
    assert (noise.sd, noise.degrees) == (pytest.approx(((2 + 8) / 2) ** 0.5), 2)


def test_the_noise_of_single_runs_is_their_scatter_about_a_curve() -> None:
    random = np.random.default_rng(0)
    beta = np.geomspace(0.1, 10, 40)
    d = 5 * np.log(beta) ** 2 + random.normal(0, 0.5, 40)
    table = pd.DataFrame({"trial": range(40), "beta": beta, DISTORTION: d, RATE: 2.0})
    noise = seed_noise(table, table.assign(replicate=0), PICK)
    assert noise.sd == pytest.approx(0.5, rel=0.5)
    assert "scatter" in noise.basis
    few = table.head(3)
    assert seed_noise(few, few.assign(replicate=0), PICK).sd is None


@pytest.mark.parametrize(
    ("steps", "workers", "expected"),
    [
        ([100, 100], 1, 20),
        ([100, 100], 2, 10),
        ([100, 100], 8, 10),
        ([400, 100], 2, 40),
        ([], 2, 0),
    ],
)
def test_the_time_is_shared_by_workers_and_not_below_that_of_the_longest_run(
    steps: list[int], workers: int, expected: float
) -> None:
    assert wall_seconds(steps, 0.1, workers) == pytest.approx(expected)
