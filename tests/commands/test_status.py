"""How the runs of a study stand, in `betafront status`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from betafront.study.create import make
from betafront.study.results.table import rows, table
from betafront.study.spec import Spec
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import LEASE
from betafront.study.trials.ours import RECORD
from betafront.study.trials.status import REASON
from betafront.training.cause import Cause
from betafront.training.standing import Standing

Command = Callable[..., Any]
SETTLED = Standing("settled", "", 600, 800, "best", falling=0.2, falling_error=0.3)
FALLING = Standing("still falling", "", 800, 800, "best", falling=12.0, falling_error=1.0)
PLANE = dict.fromkeys(("val/rate", "val/distortion"), "minimize")
SCALE = {
    "normalisation": "sum", "weight": 1.0, "beta": 1.0, "beta_norm": 0.1, "sigma": None,
    "beta_spread": None, "holds": "", "target": None, "came_to": None, "reached": None,
    "pixels": 64, "latents": 8,
}  # fmt: skip


def record(
    rate: float, distortion: float, standing: Standing | None, number: int
) -> dict[str, Any]:
    metrics = {
        "val/rate": rate, "val/distortion": distortion, "val/negative_elbo": rate + distortion,
        "val/mse": 0.1, "val/active_units": 2.0,
    }  # fmt: skip
    kept = {"metrics": metrics, "scale": SCALE | {"beta": 8 / rate}, "seconds": 1.0, "seed": 1}
    kept["folder"] = f"trial-{number:04d}"
    return kept | ({"standing": standing.written()} if standing else {})


@pytest.fixture
def study(own_place: Path) -> Callable[[list[list[Standing | None]]], Store]:
    """A study of a trial for each list, with a run for each standing in it."""

    def of(each: list[list[Standing | None]]) -> Store:
        storage = open_storage(f"sqlite:///{own_place}/runs/studies.db", create=True)
        spec = Spec(
            name="s", question="", objectives=PLANE, space={"objective.weight": "0.5,2"},
            space_digest="", base={}, sampler="random", seed=0, trials=len(each), workers=1,
            folder="", reference=[40.0, 60.0], pixels=64, latents=8,
            tracking={"_target_": "betafront.study.tracker.protocol.NoTracker"},
        )  # fmt: skip
        make(storage, spec)
        store = Store(storage, "s")
        for number, standings in enumerate(each):
            rate, distortion = 8.0 - number, 20.0 + number**2
            runs = [record(rate, distortion, one, number) for one in standings]
            kept = runs[0] | ({"spread": {}, "replicates": runs} if len(runs) > 1 else {})
            if weighty := next((one for one in standings if one is FALLING), standings[0]):
                kept["standing"] = weighty.written()
            store.make(optuna.create_trial(values=[rate, distortion], user_attrs={RECORD: kept}))
        return store

    (own_place / "runs").mkdir()
    return of


def test_each_run_is_counted(study: Any, betafront: Command) -> None:
    store = study([[SETTLED, SETTLED], [SETTLED, FALLING], [SETTLED, None]])
    said = json.loads(betafront("status", "s", "--json").out)
    assert said["standings"] == {"settled": 4, "still falling": 1}
    assert set(said["standing_of_trial"]) == {"0", "1", "2"} == set(map(str, said["front"]))
    assert said["standing_of_trial"]["1"] == {
        "standing": "still falling", "kept_step": 800, "steps": 800, "falling": 12.0,
        "falling_error": 1.0,
    }  # fmt: skip
    out = betafront("status", "s").out
    assert "Of 6 runs 4 settled, 1 still falling, 1 not recorded." in out
    (head,) = [line for line in out.splitlines() if line.startswith("trial ")]
    assert "standing" in head
    trials = store.study.get_trials()
    assert list(table(trials, ())["standing"]) == ["settled", "still falling", "settled"]
    assert rows(trials)[1]["falling"] == 12.0


def test_a_collapsed_trial_says_why(study: Any, betafront: Command) -> None:
    stuck = Cause("optimisation", beta=1.0, beta_c=9.7, beta_live=9.7, val_beta_live=9.0)
    collapsed = Standing("collapsed", "", 800, 800, "best", cause=stuck)
    store = study([[SETTLED], [collapsed], [SETTLED]])
    said = json.loads(betafront("status", "s", "--json").out)
    assert said["causes"] == {"optimisation": [1]}
    told = said["standing_of_trial"]["1"]
    assert (told["cause"], told["beta_c"]) == ("optimisation", 9.7)
    (careful,) = [line for line in said["cautions"] if "collapsed" in line]
    assert careful.startswith(
        "1 trial has collapsed by the optimisation (1): β = 1.143 is below β_c = 9.7"
    )
    out = " ".join(betafront("status", "s").out.split())  # where no decision is made
    assert careful in out
    assert rows(store.study.get_trials())[1]["beta_c"] == 9.7


def test_what_an_earlier_version_recorded_has_none(study: Any, betafront: Command) -> None:
    study([[None], [None]])
    said = json.loads(betafront("status", "s", "--json").out)
    assert not {"standings", "standing_of_trial"} & set(said)
    assert said["front"] == [0, 1] or said["front"] == [1, 0]
    out = betafront("status", "s").out
    assert "standing" not in out and "settled" not in out


def test_a_study_whose_trials_all_failed_says_why(study: Any, betafront: Command) -> None:
    store = study([])
    why = ["diverged: NaN at step 3", "failed: ValueError: no such file", "diverged: NaN at step 7"]
    for one in why:
        attrs = {REASON: one, LEASE: {"until": 0.0}}
        store.make(optuna.create_trial(state=TrialState.FAIL, user_attrs=attrs))
    out = betafront("status", "s").out
    assert "3 of 3 trials failed: 2 diverged, 1 failed" in out
    for line in ("diverged: NaN at step 3", "failed: ValueError: no such file"):
        assert line in out.splitlines()
    assert "a smaller optimizer.lr" in out
    assert "and 1 more: trials 2" in out
    said = json.loads(betafront("status", "s", "--json").out)
    assert [(one["reason"], one["trials"]) for one in said["reasons"]] == [
        (why[0], [0, 2]), (why[1], [1]),
    ]  # fmt: skip
    assert said["failures"] == {"diverged": 2, "failed": 1}


def test_what_can_be_done_next_is_named(study: Any, betafront: Command) -> None:
    study([[SETTLED, SETTLED]] * 5)
    said = betafront("status").out
    assert "Decision" in said
    assert "  confirm      betafront confirm s\n  model        betafront export s\n" in said
    assert "in MLflow" not in said  # it has no record
    assert "go on with" not in said  # all of its trials are done


def test_a_sweep_that_affords_no_confirmation_is_told_of_none(
    study: Any, betafront: Command
) -> None:
    study([[SETTLED]] * 7)
    said = betafront("status").out
    assert "betafront export s" in said
    assert "betafront confirm" not in said


def test_without_a_decision_there_is_nothing_to_confirm_or_export(
    study: Any, betafront: Command
) -> None:
    study([[FALLING, FALLING]] * 5)
    said = betafront("status").out
    assert "betafront confirm" not in said
    assert "betafront export" not in said
