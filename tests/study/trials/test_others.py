"""Trials that plain Optuna puts into a study of ours."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.study.conftest import SPACE, a_spec, a_worker, deleted, done, lost

from betafront.errors import UserError
from betafront.study.create import make
from betafront.study.lookup import where_the_runs_are
from betafront.study.search.enumeration import grid
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.storage.opening import load_study, open_storage
from betafront.study.storage.study_store import Store
from betafront.study.sweep import refuse_if_deleted
from betafront.study.trials.ending import end, tell
from betafront.study.trials.lease import has_lease
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import origin
from betafront.study.trials.queue import is_met
from betafront.study.trials.status import Status, finished, reason, status
from betafront.study.worker.earlier_attempts import set_aside

Ledgers = Callable[..., Ledger]
CONDITIONAL = Space.parse(
    ["s=choice(constant,linear)", "warmup=interval(0,1)", "k=range(1,9)"],
    {"warmup": ["s=linear"]},
    ["k * warmup <= 4"],
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql").create_database())
    return f"sqlite:///{tmp_path}/studies.db"


def budget(store: Store, trials: int, **more: Any) -> Spec:
    spec = replace(Spec.of(store.settings()), trials=trials, **more)
    spec.store(store)
    return spec


def trained(store: Store, ledger: Ledger) -> list[FrozenTrial]:
    """Claim trials and tell their results until the budget is met; returns them."""
    found = []
    while (claim := ledger.claim()) is not None:
        tell(store, claim.trial, done(claim.trial), claim.spec)
        found.append(claim.trial)
    return found


def statuses(store: Store) -> list[str]:
    return [status(t).name for t in store.trials()]


def test_a_queued_trial_is_trained_as_itself_and_counts(store: Store, ledger_of: Ledgers) -> None:
    trained(store, ledger_of())
    store.study.enqueue_trial({"w": 0.25}, user_attrs={"from": "a paper"})
    assert ledger_of().claim() is None  # the budget is met: it waits
    assert statuses(store) == ["COMPLETE"] * 3 + ["WAITING"]
    assert finished(store.trials()) == 3
    budget(store, 5)
    first, second = trained(store, ledger_of())
    assert (first.number, first.params) == (3, {"w": 0.25})
    assert first.user_attrs["from"] == "a paper"
    assert second.number == 4
    assert statuses(store) == ["COMPLETE"] * 5


def test_what_a_queued_point_leaves_open_is_drawn_within_conditions_and_constraints(
    store: Store, ledger_of: Ledgers
) -> None:
    for point in ({"s": "linear"}, {"k": 8}, {"k": "3", "s": "constant"}, {}):
        store.study.enqueue_trial(point)
    budget(store, 4)
    first, second, third, fourth = trained(store, ledger_of(space=CONDITIONAL))
    assert first.params["s"] == "linear"
    assert set(first.params) == {"s", "warmup", "k"}
    assert second.params["k"] == 8
    assert all(CONDITIONAL.allows(t.params) for t in (first, second, fourth))
    assert third.params == {"s": "constant", "k": 3}


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ({"w": 7.0}, "w cannot be 7.0: it is searched in the numbers from 0.0 to 1.0"),
        ({"w": "wide"}, "w cannot be wide"),
        ({"w": True}, "w cannot be True"),
        ({"w": None}, "w cannot be null"),
        ({"w": [0.5]}, "w cannot be [0.5]"),
        ({"w": 0.5, "wieght": 2}, "the space has no wieght"),
    ],
)
def test_a_queued_trial_outside_the_space_is_refused_with_the_reason(
    store: Store, ledger_of: Ledgers, point: dict[str, Any], why: str
) -> None:
    store.study.enqueue_trial(point)
    assert [t.number for t in trained(store, ledger_of())] == [1, 2, 3]  # it took no budget
    refused = store.trials()[0]
    assert status(refused) is Status.REFUSED
    assert reason(refused).startswith(f"refused: {why}")


def test_a_condition_and_a_constraint_refuse_too(store: Store, ledger_of: Ledgers) -> None:
    store.study.enqueue_trial({"s": "constant", "warmup": 0.5})
    store.study.enqueue_trial({"s": "linear", "warmup": 1.0, "k": 8})
    budget(store, 1)
    trained(store, ledger_of(space=CONDITIONAL))
    condition, constraint, _ = store.trials()
    assert "warmup is not there where s=constant" in reason(condition)
    assert "the constraint 'k * warmup <= 4' does not hold" in reason(constraint)


def test_more_in_the_queue_than_the_budget_has_room_for_waits(
    store: Store, ledger_of: Ledgers
) -> None:
    for weight in (0.1, 0.2, 0.3, 0.4):
        store.study.enqueue_trial({"w": weight})
    assert [t.params["w"] for t in trained(store, ledger_of())] == [0.1, 0.2, 0.3]
    assert statuses(store) == ["COMPLETE"] * 3 + ["WAITING"]
    assert is_met(a_spec(), store.trials())


def test_a_lost_trial_keeps_its_place_against_the_queue(store: Store, ledger_of: Ledgers) -> None:
    spec = budget(store, 2)
    gone, other = (ledger_of(a_worker(name)).claim() for name in "01")
    assert gone is not None
    assert other is not None
    store.study.enqueue_trial({"w": 0.5})  # for which the budget has no room
    end(store, gone.trial, TrialState.FAIL)
    tell(store, other.trial, done(other.trial), spec)
    (again,) = trained(store, ledger_of())
    assert origin(again).before == gone.trial.number
    assert again.params == gone.trial.params
    assert statuses(store) == ["LOST", "COMPLETE", "WAITING", "COMPLETE"]
    budget(store, 3)
    assert trained(store, ledger_of())[0].params == {"w": 0.5}


def test_a_queued_trial_that_was_lost_is_tried_again(store: Store, ledger_of: Ledgers) -> None:
    budget(store, 1)
    store.study.enqueue_trial({"w": 0.5})
    gone = lost(store)
    assert gone.number == 0
    (again,) = trained(store, ledger_of())
    assert (origin(again).before, again.params) == (0, {"w": 0.5})


def test_two_workers_take_a_queued_trial_once(store: Store, ledger_of: Ledgers) -> None:
    store.study.enqueue_trial({"w": 0.5})
    one, two = ledger_of(a_worker("0")), ledger_of(a_worker("1"))
    for ledger in (one, two):
        ledger._tally.update(store.trials())
    for ledger in (one, two):  # both have seen it wait
        work = ledger._next(a_spec(), ledger._tally)
        assert work is not None
        assert work.waiting is not None
        ledger._take(work.waiting, work.given, a_spec(), ledger._tally)
    claims = [ledger.claim() for ledger in (one, two)]
    assert [c.trial.number for c in claims if c] == [0, 1]
    assert store.trials()[0].user_attrs["lease"]["name"] == one.worker.name


def test_the_same_point_twice_is_trained_twice_and_is_not_drawn(
    store: Store, ledger_of: Ledgers
) -> None:
    space = Space.parse(["a=1,2"])
    for _ in range(2):
        store.study.enqueue_trial({"a": 2})
    assert [t.params["a"] for t in trained(store, ledger_of(space=space))] == [2, 2, 1]


def test_a_point_of_a_grid_is_trained_once_though_it_is_queued(
    store: Store, ledger_of: Ledgers
) -> None:
    space = Space.parse(["a=1,2,3"])
    budget(store, 3, queue=grid(space), sampler="grid")
    store.study.enqueue_trial({"a": 2})
    assert [t.params["a"] for t in trained(store, ledger_of(space=space))] == [2, 1, 3]
    assert [origin(t).point for t in store.trials()] == [1, 0, 2]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "qmc", "random"])
def test_a_trial_that_is_not_ours_takes_no_place_and_nothing_fails(
    store: Store, ledger_of: Ledgers, sampler: str
) -> None:
    budget(store, 3, sampler=sampler)
    study = store.study
    told = study.ask(SPACE.distributions)
    told.set_user_attr("lease", "mine")
    told.set_user_attr("origin", {"first": 3})
    study.tell(told, [1.0, 2.0])
    study.tell(study.ask(), state=TrialState.PRUNED)
    study.tell(study.ask(), state=TrialState.FAIL)
    study.ask({"w": FloatDistribution(0, 5)})  # and it runs on
    study.add_trial(create_trial(values=[0.0, 0.0], user_attrs={"record": {"a": 1}}))
    other = {"w": FloatDistribution(3, 9), "v": FloatDistribution(0, 1)}
    study.add_trial(create_trial(values=[0, 9], params={"w": 4, "v": 0}, distributions=other))
    assert [t.number for t in trained(store, ledger_of())] == [6, 7, 8]
    assert statuses(store) == ["FOREIGN"] * 6 + ["COMPLETE"] * 3
    assert finished(store.trials()) == 3


def test_the_sampler_learns_from_told_points_of_the_space_alone(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 3, sampler="tpe")
    for distribution in (SPACE.distributions["w"], FloatDistribution(0, 5)):
        store.study.add_trial(
            create_trial(values=[1, 2], params={"w": 0.5}, distributions={"w": distribution})
        )
    store.study.ask(SPACE.distributions)
    ledger = ledger_of()
    assert ledger.claim() is not None
    assert ledger._drawing is not None
    learnt = [t for t in ledger._drawing.memory.trials if t.state is not TrialState.FAIL]
    assert [t.params for t in learnt] == [{"w": 0.5}]


def test_trials_of_another_study_of_ours_are_not_taken_for_own_ones(
    url: str, store: Store, ledger_of: Ledgers
) -> None:
    """Their records name folders that are of other trials here."""
    storage = open_storage(url, create=True)
    make(storage, a_spec(name="other"))
    other = Store(storage, "other", has_lease)
    trained(other, Ledger(other, SPACE, a_worker(), 1))
    trained(store, ledger_of())
    store.study.add_trials(other.study.get_trials())
    assert statuses(store) == ["COMPLETE"] * 3 + ["FOREIGN"] * 3


def test_a_copied_study_goes_on_under_its_new_name(url: str, store: Store, tmp_path: Path) -> None:
    spec = replace(a_spec(), command=["study=weighting", "study.name=s"])
    spec.store(store)
    trained(store, Ledger(store, SPACE, a_worker(), 0))
    storage = store.study._storage
    optuna.copy_study(
        from_study_name="s", from_storage=storage, to_storage=storage, to_study_name="größe b"
    )
    study = load_study(open_storage(url), "größe b")
    (tmp_path / "s").mkdir()
    hint = where_the_runs_are(study.user_attrs, tmp_path / "größe b")
    assert hint.endswith(f"cp -r {tmp_path}/s '{tmp_path}/größe b'")
    copied = Spec.load(study)
    assert copied.name == "größe b"
    assert copied.command == ["study=weighting", "study.name='größe b'"]
    copy = Store(open_storage(url), "größe b", has_lease)
    budget(copy, 4)
    (trial,) = trained(copy, Ledger(copy, SPACE, a_worker(), 0))
    assert trial.number == 3
    assert statuses(copy) == ["COMPLETE"] * 4


def test_names_of_ours_that_another_program_uses_are_no_harm(
    store: Store, ledger_of: Ledgers
) -> None:
    from betafront.study.results.added_metrics import additions
    from betafront.study.results.confirmation import confirmation
    from betafront.study.trials.confirming import planned_runs

    for name in ("confirm", "confirmation", "evaluated/best", "evaluated/0"):
        store.study.set_user_attr(name, "see my notes")
    settings = store.settings()
    assert planned_runs(settings) == []
    assert confirmation(settings) is None
    assert additions(settings) == {}


def test_a_queued_trial_with_the_number_of_another_one_gets_its_own(
    url: str, store: Store, ledger_of: Ledgers
) -> None:
    """Optuna counts the rows of a study for a new number, also after some were deleted."""
    trained(store, ledger_of())
    deleted(open_storage(url), 1)
    store.study.enqueue_trial({"w": 0.25})
    fresh = Store(open_storage(url), "s", has_lease)
    (trial,) = trained(fresh, Ledger(fresh, SPACE, a_worker(), 0))
    assert (trial.number, trial.params) == (3, {"w": 0.25})
    assert [(t.number, status(t).name) for t in fresh.trials()] == [
        (0, "COMPLETE"), (2, "COMPLETE"), (3, "COMPLETE"),
    ]  # fmt: skip


def test_a_study_that_another_program_made_for_something_else_is_refused(url: str) -> None:
    storage = open_storage(url, create=True)
    optuna.create_study(study_name="theirs", storage=storage.writes)  # of one objective
    with pytest.raises(UserError, match="'theirs' in the storage is another program's"):
        make(storage, a_spec(name="theirs"))


def test_a_study_that_is_deleted_while_it_is_swept_is_said_so(
    store: Store, ledger_of: Ledgers
) -> None:
    ledger = ledger_of()
    assert ledger.claim() is not None
    optuna.delete_study(study_name="s", storage=store.study._storage)
    with pytest.raises(UserError, match="deleted from its storage"):
        ledger.claim()
    with pytest.raises(UserError, match="deleted from its storage while it was swept"):
        refuse_if_deleted(store, a_spec())


def test_files_of_a_deleted_trial_are_not_gone_on_from(tmp_path: Path) -> None:
    folder = tmp_path / "trial-0003"
    for _ in range(2):
        folder.mkdir()
        (folder / "checkpoint.ckpt").touch()
        set_aside(folder)
        assert not folder.exists()
    set_aside(folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "deleted-trial-0003-1", "deleted-trial-0003-2",
    ]  # fmt: skip
