"""What is kept up to date is what a look at all trials finds."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.study.conftest import SPACE

from betafront.study.search.drawing import digest
from betafront.study.trials.lease import LEASE
from betafront.study.trials.ours import IMPORTED, ORIGIN, RECORD, trial_folder
from betafront.study.trials.queue import not_plain
from betafront.study.trials.status import OVER_BUDGET, REASON, finished, status
from betafront.study.trials.tally import Tally

POINTS = [{"w": value} for value in (0.25, 0.5, 0.75)]
ENDS: list[tuple[TrialState, dict[str, Any]]] = [
    (TrialState.COMPLETE, {}),
    (TrialState.COMPLETE, {IMPORTED: {"study": "another"}}),
    (TrialState.FAIL, {}),  # its worker was lost
    (TrialState.FAIL, {REASON: "failed: boom"}),
    (TrialState.FAIL, {REASON: OVER_BUDGET}),
]
ORIGINS: list[dict[str, Any]] = [
    {},
    {},
    {ORIGIN: {"tops": 0, "replicates": 2}},
    {ORIGIN: {"point": 1}},
]


def trial(number: int, params: dict[str, float], attrs: dict[str, Any]) -> FrozenTrial:
    made = create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions={name: SPACE.distributions[name] for name in params},
        user_attrs={
            LEASE: {"until": 1e12},
            RECORD: {"metrics": {}, "scale": {}, "folder": trial_folder(number)},
        }
        | attrs,
    )
    made.number = number
    return made


def ended(going: FrozenTrial, state: TrialState, attrs: dict[str, Any]) -> FrozenTrial:
    values = [1.0] if state is TrialState.COMPLETE else None
    made = create_trial(
        state=state,
        values=values,
        params=going.params,
        distributions=going.distributions,
        user_attrs=going.user_attrs | attrs,
    )
    made.number = going.number
    return made


def check(tally: Tally, trials: Sequence[FrozenTrial]) -> None:
    counting = [t for t in trials if status(t).counts]
    assert tally.not_plain == not_plain(trials)
    assert tally.finished == finished(trials)
    assert tally.counting == len(counting)
    for number in range(len(trials) + 1):
        assert tally.below(number) == sum(t.number < number for t in counting)
    for point in (digest(p) for p in [*POINTS, {}]):
        there = [t.number for t in counting if digest(t.params) == point]
        assert tally.first_at(point) == min(there, default=None)
        assert (point in tally) == bool(there)


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_a_look_at_all_trials(seed: int) -> None:
    random = Random(seed)
    trials: list[FrozenTrial] = []
    tally = Tally()
    for _ in range(40):
        for _ in range(random.randrange(4)):
            trials.append(trial(len(trials), random.choice(POINTS), random.choice(ORIGINS)))
        going = [t for t in trials if not t.state.is_finished()]
        for one in random.sample(going, random.randrange(len(going) + 1) // 2):
            trials[one.number] = ended(one, *random.choice(ENDS))
        tally.update(list(trials))
        check(tally, trials)


def test_a_trial_of_another_program_gets_its_parameters_later() -> None:
    tally = Tally()
    for trials in ([trial(0, {}, {})], [trial(0, POINTS[0], {})]):
        tally.update(trials)
        check(tally, trials)
    done = [ended(trial(0, POINTS[1], {}), TrialState.COMPLETE, {})]
    tally.update(done)
    check(tally, done)
