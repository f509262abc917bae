"""What trials have had at their rungs, as the storage keeps it."""

from dataclasses import replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from betafront.study.trials.lease import LEASE
from betafront.study.trials.ours import ORIGIN
from betafront.study.trials.rungs import (
    RUNGS,
    Rung,
    earlier_rungs,
    others_at,
    reached,
    rungs_of,
)
from betafront.study.trials.status import REASON

FIRST, SECOND = (
    Rung(0.125, 50, 30.0, 5.0, 0.5, 1.0, True),
    Rung(0.25, 100, 20.0, 6.0, 1.0, 1.0, True),
)
HELD: dict[str, Any] = {LEASE: {"machine": "another", "until": 1e12}}
PLANE = ["val/rate", "val/distortion"]


def a_trial(number: int, *rungs: Rung, state: str = "RUNNING", **attrs: Any) -> FrozenTrial:
    kept = HELD | {RUNGS: [one.written() for one in rungs]} | attrs
    made = create_trial(state=TrialState[state], user_attrs=kept)
    made.number = number
    return made


def test_rungs_are_read_as_they_were_written_and_what_else_stands_there_is_left_out() -> None:
    assert rungs_of(a_trial(0, FIRST, SECOND)) == [FIRST, SECOND]
    for other in ("long ago", [3], [{"part": 1}], [FIRST.written() | {"rate": "x"}], None):
        assert rungs_of(a_trial(0, **{RUNGS: other})) == []
    foreign = create_trial(state=TrialState.RUNNING, user_attrs={RUNGS: [FIRST.written()]})
    assert rungs_of(foreign) == []


def test_a_run_is_compared_with_the_last_attempt_at_each_other_run() -> None:
    lost = a_trial(1, FIRST, state="FAIL")
    again = a_trial(
        3, Rung(0.125, 51, 29.0, 5.0, 0.5, 1.0, True), **{ORIGIN: {"first": 1, "before": 1}}
    )
    stopped = a_trial(2, FIRST, state="PRUNED", **{REASON: "pruned: at step 50 of 400"})
    own = a_trial(4, FIRST)
    trials = [a_trial(0, FIRST, SECOND), lost, stopped, again, own]
    assert [(one.distortion, one.stopped) for one in others_at(0.125, own, trials)] == [
        (30.0, False), (29.0, False), (30.0, True),
    ]  # fmt: skip
    assert len(others_at(0.25, own, trials)) == 1
    assert earlier_rungs(again, trials) == [FIRST]
    assert earlier_rungs(own, trials) == []


def test_a_run_that_is_stopped_counts_so_before_its_stack_has_ended() -> None:
    running = a_trial(0, FIRST, replace(SECOND, stopped=True))
    assert [one.stopped for one in others_at(0.125, a_trial(1, FIRST), [running])] == [True]
    again = a_trial(2, **{ORIGIN: {"first": 0, "before": 0}})  # its worker was lost
    assert earlier_rungs(again, [running]) == [FIRST, SECOND]
    former = {key: value for key, value in FIRST.written().items() if key != "stopped"}
    assert rungs_of(a_trial(0, **{RUNGS: [former]})) == [FIRST]


def test_a_pruned_trial_had_the_values_of_its_last_rung() -> None:
    assert reached(a_trial(0, FIRST, SECOND), PLANE) == [6.0, 20.0]
    assert reached(a_trial(0, FIRST, SECOND), PLANE[::-1]) == [20.0, 6.0]
    assert reached(a_trial(0, FIRST), ["val/rate", "val/mse"]) is None
    assert reached(a_trial(0), PLANE) is None
