"""The rows of a trial whose model is conditioned on β, from what the storage keeps of it."""

import json
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from betafront.front.curves import of_curves, trials_of
from betafront.study.results.added_metrics import additions
from betafront.study.results.points import points
from betafront.study.results.table import rows, runs_table, table
from betafront.study.trials.origin import Origin
from betafront.study.trials.ours import ORIGIN, RECORD, trial_folder
from betafront.study.trials.replicates import Record, record_of_runs
from betafront.training.cause import Cause
from betafront.training.result import OnTheScale
from betafront.training.standing import Standing

PLANE = ("val/rate", "val/distortion")
GRID = (0.1, 1.0, 10.0)


def metrics(beta: float, shift: float = 0.0) -> dict[str, float]:
    rate = 4.0 / (1.0 + beta) + shift
    return {"val/rate": rate, "val/distortion": beta, "val/negative_elbo": rate + beta}


def curve(*betas: float, shift: float = 0.0) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"beta": b, "beta_norm": b / 8, "weight": b, "sigma": 0.5, "metrics": metrics(b, shift)}
        for b in betas
    )


def record(beta: float = 1.0, shift: float = 0.0, grid: tuple[float, ...] = GRID) -> Record:
    """Of a run as written at `beta`, with a value that its curve has not."""
    scale = OnTheScale.read({"beta": beta, "weight": beta, "beta_norm": beta / 8, "sigma": 0.5})
    own = metrics(beta, shift) | {"val/mig": 0.25}
    return Record(own, scale, 2.0, "trial-0000", seed=1, curve=curve(*grid, shift=shift))


def trial(number: int, kept: Record, **attrs: Any) -> FrozenTrial:
    written = json.loads(json.dumps(kept.written())) | {"folder": trial_folder(number)}
    made = create_trial(values=[0.0, 0.0], user_attrs={RECORD: written, **attrs})
    made.number = number
    return made


def test_a_record_keeps_its_curve_and_one_without_has_no_key() -> None:
    kept = json.loads(json.dumps(record().written()))
    assert Record.read(kept) == record()
    assert (
        "curve" not in record(grid=()).written() and Record.read({**kept, "curve": ()}).curve == ()
    )


def test_a_trial_has_a_row_for_each_point_and_keeps_all_of_its_own() -> None:
    plain = trial(1, record(2.0, grid=()))
    found = table([trial(0, record()), plain], PLANE)
    assert found["trial"].tolist() == [0, 0, 0, 1]
    assert found["beta"].tolist() == [*GRID, 2.0]
    assert found["weight"].tolist() == [*GRID, 2.0] and found["sigma"].tolist() == [0.5] * 4
    assert found["of_curve"].tolist() == [True, True, True, False]
    assert found["as_written"].tolist() == [False, True, False, False]
    assert found["val/distortion"].tolist() == [*GRID, 2.0]
    assert found["val/mig"].notna().tolist() == [False, True, False, True]
    assert trials_of(found)["beta"].tolist() == [1.0, 2.0]
    assert list(rows([trial(0, record()), plain])) == [0, 1]  # of a trial one
    assert "of_curve" not in table([plain], PLANE)


def test_a_run_between_two_points_of_its_grid_is_a_point_of_its_curve() -> None:
    found = table([trial(0, record(3.0))], PLANE)
    assert found["beta"].tolist() == [0.1, 1.0, 3.0, 10.0]
    assert found["as_written"].tolist() == [False, False, True, False]


def test_values_that_were_added_later_are_of_the_run_itself() -> None:
    added = additions({"evaluated/0": {"val/iwae_4": 7.0}})
    found = table([trial(0, record())], PLANE, added)
    assert found["val/iwae_4"].notna().tolist() == [False, True, False]


def test_a_point_whose_objective_is_not_known_is_left_out() -> None:
    found = table([trial(0, record())], ("val/rate", "val/mig"))
    assert found["beta"].tolist() == [1.0] and "of_curve" not in found
    (first, *rest) = record().curve
    broken = {**first, "metrics": first["metrics"] | {"val/rate": float("nan")}}
    kept = points({"trial": 0, "beta": 1.0, **metrics(1.0)}, (broken, *rest), PLANE)
    assert [row["beta"] for row in kept] == [1.0, 10.0]


def test_the_curve_of_replicates_is_their_mean_with_its_spread() -> None:
    several = record_of_runs([record(shift=s) for s in (0.0, 1.0, 2.0)])
    found = table([trial(0, several)], PLANE)
    expected = pytest.approx([metrics(b, 1.0)["val/rate"] for b in GRID])
    assert found["val/rate"].tolist() == expected
    assert found["sd/val/rate"].tolist() == pytest.approx([1.0] * 3)
    assert found["replicates"].tolist() == [3] * 3
    runs = runs_table([trial(0, several)], PLANE)
    assert runs.groupby("replicate")["beta"].agg(list).tolist() == [list(GRID)] * 3
    assert len(trials_of(runs)) == 3
    with_others = record_of_runs([record(), record(grid=(1.0, 5.0))])
    assert [point["beta"] for point in with_others.curve] == [1.0]


def test_replicates_that_were_added_later_count() -> None:
    more = record_of_runs([record(shift=s) for s in (0.0, 2.0)])
    added = trial(1, more, **{ORIGIN: Origin(adds_to=0).written()})
    found = table([trial(0, record()), added], PLANE)
    assert found["val/rate"].tolist() == pytest.approx([metrics(b, 1.0)["val/rate"] for b in GRID])


def test_what_collapsed_at_the_run_s_own_weight_says_nothing_of_other_points() -> None:
    cause = Cause("weight", beta=1.0, beta_c=0.5, beta_live=0.5, val_beta_live=0.5)
    stands = Standing("collapsed", "", 9, 9, "best", cause=cause)
    kept = Record.read({**record().written(), "standing": stands.written()})
    found = table([trial(0, kept)], PLANE)
    assert found["standing"].tolist()[1] == "collapsed" and found["cause"].tolist()[1] == "weight"
    assert found[["standing", "cause", "beta_c"]].isna().all(axis=1).tolist() == [True, False, True]
    assert of_curves(found).all()
    assert trial(0, kept).state is TrialState.COMPLETE
