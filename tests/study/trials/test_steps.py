"""The budget of optimiser steps: what counts, and that it is met over workers and resumes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from optuna.trial import FrozenTrial
from tests.study.conftest import SPACE, a_spec, a_worker, claim_stack, lost
from tests.study.conftest import done as trained
from tests.study.trials.test_ledger import budget
from tests.study.trials.test_stacking import WEIGHTS

from betafront.study.search.space import Space
from betafront.study.spec import STEPS, Spec
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import Outcome, end_failed, end_lost, tell
from betafront.study.trials.lease import LEASE
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import RESULTS, Origin, Source, origin
from betafront.study.trials.ours import ORIGIN
from betafront.study.trials.status import Status, status
from betafront.study.trials.steps import (
    USED,
    most_trials,
    planned_steps,
    steps_taken,
    steps_used,
    used_in_words,
)
from betafront.study.trials.stopping import out_of_steps, stopped

Told = Callable[[FrozenTrial, int], None]


@pytest.fixture
def spec(store: Store) -> Spec:
    """A study of many trials of 10 steps, of which two and a half fit into its budget of steps."""
    return budget(store, 100, base={STEPS: 10}, steps=25)


def a_ledger(store: Store, space: Space = SPACE) -> Ledger:
    return Ledger(store, space, a_worker(), 0, lambda _, spec, trials: stopped(spec, trials, 0))


def claimed(ledger: Ledger) -> FrozenTrial:
    claim = ledger.claim()
    assert claim is not None
    return claim.trial


def told(store: Store, trial: FrozenTrial, steps: int, **how: Any) -> None:
    outcome = Outcome(**how) if how else trained(trial)
    tell(store, trial, replace(outcome, steps=steps), a_spec())


def test_trials_begin_while_those_before_leave_a_step(store: Store, spec: Spec) -> None:
    ledger = a_ledger(store)
    for _ in range(3):
        told(store, claimed(ledger), 10)
    assert ledger.claim() is None
    assert a_ledger(store).claim() is None  # nor in another launch
    said = out_of_steps(spec, store.trials())
    assert said is not None
    assert said.startswith("the 25 steps of study.budget.steps are used (30)")
    assert used_in_words(store.trials(), spec) == "30 of 25 steps"
    budget(store, 100, base={STEPS: 10}, steps=31)
    assert claimed(a_ledger(store)).number == 3  # a larger budget goes on


def test_a_running_trial_keeps_the_steps_that_it_is_to_take_and_gives_back_the_rest(
    store: Store, spec: Spec
) -> None:
    ledgers = [a_ledger(store) for _ in range(4)]
    running = [claimed(ledger) for ledger in ledgers[:3]]
    assert ledgers[3]._next(spec, seen(ledgers[3])) is None  # it waits
    assert out_of_steps(spec, store.trials()) is None
    told(store, running[0], 2, reason="pruned: at step 2", pruned=True)
    told(store, running[1], 4, reason="diverged: at step 4")
    assert steps_used(store.trials(), spec) == 6
    assert claimed(ledgers[3]).number == 3


def seen(ledger: Ledger) -> Any:
    ledger._tally.update(ledger.store.trials())
    return ledger._tally


def test_of_two_that_begin_with_the_last_steps_the_first_goes_on(store: Store, spec: Spec) -> None:
    for _ in range(2):
        told(store, claimed(a_ledger(store)), 10)
    one, two = a_ledger(store), a_ledger(store)
    for ledger in (one, two):  # both act on the same view
        work = ledger._next(spec, seen(ledger))
        assert work is not None
    for ledger in (one, two):
        ledger._make(work, spec, ledger._tally)
    assert claimed(one).number == 2
    told(store, store.trials()[2], 10)
    assert two.claim() is None
    assert status(store.trials()[3]) is Status.GIVEN_BACK


def test_what_a_lost_attempt_has_taken_counts_once_and_its_work_keeps_its_steps(
    store: Store, spec: Spec
) -> None:
    told(store, claimed(a_ledger(store)), 10)
    gone = lost(store)
    end_lost(store, spec, store.trials())
    told(store, claimed(a_ledger(store)), 10)  # the lost one again
    assert origin(store.trials()[2]).before == gone.number
    assert [steps_taken(t, spec) for t in store.trials()] == [10, 0, 10]


def test_a_stack_begins_no_more_than_the_steps_allow(store: Store, spec: Spec) -> None:
    budget(store, 100, base={STEPS: 10}, steps=25, stack=8)
    assert len(claim_stack(a_ledger(store, WEIGHTS))) == 3


@pytest.mark.parametrize(
    ("params", "why", "base", "steps"),
    [
        ({}, Origin(), {STEPS: 10}, 20),
        ({STEPS: 7}, Origin(), {}, 14),
        ({}, Origin(), {STEPS: None}, 0),
        ({}, Origin(source=Source("other", 0, 10, RESULTS, ("trial-0000",))), {STEPS: 10}, 0),
        ({}, Origin(adds_to=1, replicates=2), {STEPS: 10}, 10),
    ],
)
def test_the_steps_that_a_trial_is_to_take(
    params: dict[str, Any], why: Origin, base: dict[str, Any], steps: int
) -> None:
    trial = a_trial(params, {ORIGIN: why.written()})
    assert planned_steps(trial, a_spec(base=base, replicates=2)) == steps


def a_trial(params: dict[str, Any], attrs: dict[str, Any]) -> FrozenTrial:
    """A trial of ours that runs."""
    from optuna.distributions import IntDistribution
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions={key: IntDistribution(1, 100) for key in params},
        user_attrs={LEASE: {"until": 0.0}, **attrs},
    )


def test_a_trial_that_does_not_say_what_it_took_counts_by_its_progress(store: Store) -> None:
    spec = budget(store, 100, base={STEPS: 10}, steps=1000, replicates=3)
    now = {"replicate": 2.0, "replicates": 3.0, "at_once": 2.0, "step": 4.0, "steps": 10.0}
    ledger = a_ledger(store)
    trial = claimed(ledger)
    store.note(trial.number, LEASE, ledger.worker.lease(now))
    assert steps_used(store.trials(), spec) == 18  # one is done, and two are at step 4
    end_failed(store, trial, "stale: its worker was lost 4 times in a row")
    assert steps_used(store.trials(), spec) == 18
    assert most_trials(store.trials(), spec) == 33
    told(store, claimed(a_ledger(store)), 30)
    assert store.trials()[1].user_attrs[USED] == 30
