"""What a sweep does beyond drawing and training, through the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SPACE

from betafront.study.storage.opening import load_study, open_storage
from betafront.study.trials.origin import origin

Command = Callable[..., Any]
WEIGHTS = "objective.weight=tag(log,interval(0.01,10))"


def trials(place: Path, name: str = "adhoc-digits") -> Any:
    storage = open_storage(f"sqlite:///{place}/runs/studies.db")
    return load_study(storage, name).get_trials(deepcopy=False)


def status(betafront: Command, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(betafront("status", *arguments, "--json").out))


def write_study(place: Path, text: str) -> None:
    (place / "studies/mine").mkdir(parents=True, exist_ok=True)
    (place / "studies/mine/study.yaml").write_text(text)


CONDITIONAL = """# @package _global_
study:
  name: mine
  sampler: random
  space:
    schedule: choice(constant, linear, cyclical)
    objective.weight: tag(log, interval(0.01, 10))
    schedule=linear:
      schedule.warmup: interval(0.1, 1)
    schedule=cyclical:
      schedule.cycles: range(1, 6)
  constraints:
    - objective.weight * schedule.cycles <= 20
  budget: {trials: 8}
"""


def test_conditions_and_constraints_in_a_study_of_ones_own(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    write_study(own_place, CONDITIONAL)
    said = betafront("sweep", "study=mine", *fast)
    assert said.code == 0, said.err
    seen = set()
    for trial in trials(own_place, "mine"):
        params = trial.params
        seen.add(params["schedule"])
        assert ("schedule.warmup" in params) == (params["schedule"] == "linear")
        assert ("schedule.cycles" in params) == (params["schedule"] == "cyclical")
        assert params["objective.weight"] * params.get("schedule.cycles", 0) <= 20
    assert len(seen) == 3
    assert (own_place / "runs/mine/report/front.html").is_file()
    # A choice that is made on the command line decides what depends on it.
    said = betafront("sweep", "study=mine", "study.name=other", "schedule=linear",
                     "study.constraints=[]", "study.budget.trials=2", *fast)  # fmt: skip
    assert said.code == 0, said.err
    for trial in trials(own_place, "other"):
        assert set(trial.params) == {"objective.weight", "schedule.warmup"}


def test_points_that_are_asked_for_are_tried_first(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = betafront(
        "sweep", WEIGHTS, "normalisation=sum,mean", "suggestions=quoted", "study.budget.trials=4",
        "study.enqueue=[{objective.weight: 0.5}]", *fast,
    )  # fmt: skip
    assert said.code == 0, said.err
    found = trials(own_place)
    assert found[0].params["objective.weight"] == 0.5
    assert [t.params for t in found[1:4]] == [
        {"normalisation": "sum", "objective.weight": w} for w in (1.0, 2.0, 4.0)
    ]
    assert "a suggestion is left out" in said.out
    assert "normalisation" in said.out


def test_replicates_are_means_and_are_added_without_repeating(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    made = ("sweep", WEIGHTS, "study.budget.trials=2", *fast)
    assert betafront(*made, "study.replicates=2").code == 0
    results = {
        p: json.loads(p.read_text()) for p in own_place.glob("runs/*/trial-*/**/result.json")
    }
    assert len(results) == 4
    assert len({r["seed"] for r in results.values()}) == 4
    first = trials(own_place)[0]
    rates = [
        results[own_place / f"runs/adhoc-digits/{d}/result.json"]["metrics"]["val/rate"]
        for d in ("trial-0000", "trial-0000/replicate-1")
    ]
    assert first.values[0] == pytest.approx(sum(rates) / 2)
    said = betafront(*made, "study.replicates=3")
    assert said.code == 0, said.err
    assert "replicates of adhoc-digits were 2, now 3" in said.out
    assert {p: json.loads(p.read_text()) for p in results} == results
    tops = [origin(t).adds_to for t in trials(own_place)]
    assert tops == [None, None, 0, 1]
    now = status(betafront)
    assert (now["complete"], now["running"]) == (2, 0)
    table = (own_place / "runs/adhoc-digits/report/front.csv").read_text().splitlines()
    assert len(table) == 3
    assert "sd/val/rate" in table[0]
    assert "is complete" in betafront(*made, "study.replicates=3").out
    # Every run can be run again.
    again = betafront("train", "--trial", "0", "--replicate", "2")
    assert again.code == 0, again.err
    assert "bit for bit" in again.out
    assert "no replicate 3" in betafront("train", "--trial", "0", "--replicate", "3").err


BROKEN = "sweep", "objective.weight=interval(0.1,1)", "optimizer.lr=1e30", "study.budget.trials=9"


def test_a_sweep_that_always_fails_the_same_way_stops_early_and_says_why(
    betafront: Command, fast: tuple[str, ...]
) -> None:
    said = betafront(*BROKEN, *fast)
    assert said.code == 2
    assert "the first 3 trials all failed the same way: diverged" in said.err
    assert status(betafront)["failed"] == 3
    # What failed before may have been mended: three more are tried.
    assert betafront(*BROKEN, *fast).code == 2
    assert status(betafront)["failed"] == 6


@pytest.mark.parametrize(
    ("limit", "failed"), [("study.fail_fast=true", 1), ("study.max_failures=1", 2)]
)
def test_failures_stop_a_sweep_where_the_study_says_so(
    betafront: Command, fast: tuple[str, ...], limit: str, failed: int
) -> None:
    said = betafront(*BROKEN, limit, *fast)
    assert said.code == 2
    assert limit.split("=", maxsplit=1)[0] in said.err
    assert status(betafront)["failed"] == failed


def test_the_time_of_one_run_and_of_the_study(betafront: Command, fast: tuple[str, ...]) -> None:
    said = betafront("sweep", WEIGHTS, *fast, "study.budget.trials=1", "study.name=a",
                     "study.budget.trial_seconds=1e-6")  # fmt: skip
    assert said.code == 1
    assert "timed out: training took longer" in " ".join(said.out.split())
    made = ("sweep", WEIGHTS, *fast, "study.budget.trials=50", "study.name=b")
    said = betafront(*made, "study.budget.seconds=0.001")
    assert said.code == 0, said.err
    assert "study.budget.seconds" in said.out
    assert status(betafront, "b")["complete"] == 1
    # The time is up for good, and more of it goes on.
    assert betafront(*made, "study.budget.seconds=0.001").code == 0
    assert status(betafront, "b")["complete"] == 1
    said = betafront(*made, "study.budget.seconds=1e6", "study.budget.trials=2")
    assert said.code == 0, said.err
    assert status(betafront, "b")["complete"] == 2


def test_the_steps_of_a_study(betafront: Command, fast: tuple[str, ...]) -> None:
    made = ("sweep", WEIGHTS, *fast, "study.budget.trials=50", "study.name=c", "study.stack=4")
    for steps, trials in ((20, 2), (20, 2), (25, 3)):  # of 12 each
        said = betafront(*made, f"study.budget.steps={steps}")
        assert said.code == 0, said.err
        assert f"the {steps} steps of study.budget.steps are used ({12 * trials})" in said.out
        now = status(betafront, "c")
        assert now["complete"] == trials
        assert now["steps"] == {"budget": steps, "used": 12 * trials}
    assert "budget 50, 36 of 25 steps used" in betafront("status", "c").out
    assert "The budget of steps of c was 20 steps, now 25 steps." in said.out


@pytest.mark.slow
def test_five_resumes_repeat_no_draw_and_any_trial_can_be_run_again(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    for resume in range(1, 6):
        said = betafront(
            "sweep", WEIGHTS, "model.latents=range(2,9)", *fast, f"study.budget.trials={2 * resume}"
        )
        assert said.code == 0, said.err
    found = trials(own_place)
    assert len({tuple(t.params.values()) for t in found}) == len(found) == 10
    assert len({t.params["objective.weight"] for t in found}) == 10
    for number in (1, 9):
        again = betafront("train", "--trial", str(number))
        assert again.code == 0, again.err
        assert "bit for bit" in again.out


def test_a_worker_that_joins_must_find_the_same_study(
    betafront: Command, swept: Command, fast: tuple[str, ...]
) -> None:
    assert "no studies" in betafront("worker", "mine").err
    assert swept(*SPACE, *fast, "study.budget.trials=1").code == 0
    said = betafront("worker", "adhoc-digit")
    assert said.code == 2
    assert "did you mean 'adhoc-digits'?" in said.err
    said = betafront("worker", *SPACE, *fast, "model.latents=3")
    assert said.code == 2
    assert "other settings (model.latents" in said.err
    said = betafront("worker", "adhoc-digits")
    assert said.code == 0, said.err
    assert "1 of 1 trials are finished" in said.out
