"""What is written and read in few statements is what Optuna writes and reads."""

from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.study.conftest import a_spec, deleted

from betafront.study.create import make
from betafront.study.search.space import Space
from betafront.study.storage import study_store as stores
from betafront.study.storage.opening import Storage, load_study, open_storage
from betafront.study.storage.optuna_calls import OptunaTrials
from betafront.study.storage.sql import SqlTrials
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import has_lease

LINES = [
    "w=tag(log,interval(0.01,10))", "k=range(2,9)", "n=tag(log,int(interval(1,100)))",
    "g=range(0,1,0.25)", "s=linear,'a b',null,[1,2],3", "b=true,false",
]  # fmt: skip
SPACE = Space.parse(LINES)
PARAMS = {"w": 0.1, "k": 5, "n": 7, "g": 0.75, "s": "a b", "b": True}
NOW = datetime(2026, 7, 1, 12, 30, 15, 123456)


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, url: str) -> Storage:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create_database()
    opened = open_storage(url, create=True)
    make(opened, a_spec(name="one"))
    make(opened, a_spec(name="two"))
    return opened


def ways(storage: Storage, name: str = "one") -> tuple[SqlTrials, OptunaTrials]:
    """The same study in few statements, and through Optuna."""
    key = storage.writes.get_study_id_from_name(name)
    study = load_study(storage, name)
    by_sql = SqlTrials(storage.reads.engine, storage.writes.engine, key, has_lease)
    return by_sql, OptunaTrials(study, storage.writes, key)


def running(params: dict[str, Any] = PARAMS, **more: Any) -> FrozenTrial:
    made = create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions={k: SPACE.distributions[k] for k in params},
        user_attrs={"lease": {"until": 1.5, "β": [None, "x"]}, "origin": {}},
        system_attrs={"nsga2:generation": 3},
        **more,
    )
    made.datetime_start = NOW
    return made


def alike(storage: Storage, name: str = "one") -> list[FrozenTrial]:
    """All trials as both ways read them, which must be the same."""
    rows, calls = ways(storage, name)
    found = rows.trials()
    assert found == calls.trials()
    for one, other in zip(found, calls.trials(), strict=True):
        assert list(one.params) == list(other.params)
        assert vars(one) == vars(other)
    return found


def test_what_one_way_writes_the_other_reads(storage: Storage) -> None:
    for way in ways(storage):
        way.make(running())
    for way in ways(storage):
        way.make(running({}))
    first, second, third, fourth = alike(storage)
    assert [t.number for t in alike(storage)] == [0, 1, 2, 3]
    for one, other in ((first, second), (third, fourth)):
        assert one.params == other.params
        assert one.distributions == other.distributions
        assert one.user_attrs == other.user_attrs
        assert one.system_attrs == other.system_attrs
        assert one.datetime_start == other.datetime_start == NOW
    assert first.params == PARAMS
    assert alike(storage, "two") == []


@pytest.mark.parametrize("values", [[1.5, -2.0], [float("inf"), float("-inf")], [0.0, 1e300]])
def test_both_end_a_trial_alike(storage: Storage, values: list[float]) -> None:
    notes = {"record": {"metrics": {"a": 1.0}}, "lease": "gone"}
    for number, way in enumerate(ways(storage)):
        way.make(running())
        way.end(number, TrialState.COMPLETE, values, notes)
    for number, way in enumerate(ways(storage), start=2):
        way.make(running())
        way.end(number, TrialState.FAIL, None, {})
    one, other, failed, too = alike(storage)
    assert one.values == other.values == values
    assert one.user_attrs == other.user_attrs
    assert one.user_attrs["lease"] == "gone"
    assert abs(one.datetime_complete - other.datetime_complete) < timedelta(minutes=1)
    assert [failed.state, too.state] == [TrialState.FAIL] * 2
    assert failed.values is too.values is None


def test_what_has_ended_stays_as_it_is(storage: Storage) -> None:
    rows, calls = ways(storage)
    rows.make(running())
    rows.end(0, TrialState.FAIL, None, {"reason": "first"})
    for way in (rows, calls):
        with pytest.raises(UpdateFinishedTrialError):
            way.end(0, TrialState.COMPLETE, [1.0, 1.0], {"reason": "late"})
    (trial,) = alike(storage)
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["reason"] == "first"
    assert trial.values is None


def test_a_note_is_written_while_a_trial_goes_on_and_not_after(storage: Storage) -> None:
    rows, calls = ways(storage)
    rows.make(running())
    for number, way in enumerate((rows, calls, ways(storage)[0])):
        way.note(0, "lease", {"until": number})  # there from the beginning
        assert alike(storage)[0].user_attrs == {"lease": {"until": number}, "origin": {}}
    for key, way in (("new", rows), ("newer", calls)):
        way.note(0, key, [1.5, None])
        assert alike(storage)[0].user_attrs[key] == [1.5, None]
    rows.end(0, TrialState.FAIL, None, {})
    before = alike(storage)[0].user_attrs
    for way in (rows, calls):
        for key in ("lease", "newest"):
            with pytest.raises(UpdateFinishedTrialError):
                way.note(0, key, "late")
    assert alike(storage)[0].user_attrs == before


def test_numbers_follow_each_other_in_every_study(storage: Storage) -> None:
    looks, blind = ways(storage)[0], ways(storage)[0]
    other = ways(storage, "two")[0]
    for _ in range(3):
        for way in (looks, other, blind, ways(storage)[1], other):
            way.make(running())
        looks.trials()  # another may have made the newest
    assert [t.number for t in alike(storage)] == list(range(9))
    assert [t.number for t in alike(storage, "two")] == list(range(6))


def test_a_renewed_lease_is_read_and_parameters_of_ours_are_not_read_twice(
    storage: Storage,
) -> None:
    rows, _ = ways(storage)
    rows.make(running())
    (before,) = rows.trials()
    ways(storage)[0].note(0, "lease", {"until": 2.5})
    (after,) = rows.trials()
    assert after.user_attrs["lease"] == {"until": 2.5}
    assert after.distributions is before.distributions
    assert [after] == alike(storage)


def test_what_another_program_adds_one_after_the_other_is_read(storage: Storage) -> None:
    rows, _ = ways(storage)
    asked = load_study(storage, "one").ask()
    assert rows.trials()[0].params == {}
    asked.suggest_float("w", 0, 1)
    assert list(rows.trials()[0].params) == ["w"]
    asked.suggest_int("k", 2, 8)
    asked.set_user_attr("a", 1)
    assert rows.trials() == alike(storage)
    assert list(rows.trials()[0].params) == ["w", "k"]


def test_a_trial_that_waits_is_taken_once_and_keeps_what_its_program_wrote(
    storage: Storage,
) -> None:
    study = load_study(storage, "one")
    theirs = create_trial(
        state=TrialState.WAITING, params={"k": 3}, distributions={"k": IntDistribution(0, 5)}
    )
    for number, way in enumerate(ways(storage)):
        study.enqueue_trial({"w": 0.1}, user_attrs={"from": "a paper", "lease": "two years"})
        assert alike(storage)[number].state is TrialState.WAITING
        assert way.take(number, running())
        assert not way.take(number, running({}))
    study.add_trial(theirs)
    rows, _ = ways(storage)
    rows.trials()  # it is read again once it has begun
    assert rows.take(2, running())
    one, other, own = alike(storage)
    assert one.params == other.params == own.params == rows.trials()[2].params == PARAMS
    assert one.distributions == other.distributions == own.distributions == SPACE.distributions
    assert one.user_attrs == other.user_attrs
    assert one.user_attrs["from"] == "a paper"
    assert one.user_attrs["lease"] == running().user_attrs["lease"]
    assert one.system_attrs == other.system_attrs
    assert one.system_attrs == {"fixed_params": {"w": 0.1}, "nsga2:generation": 3}
    assert one.datetime_start == NOW


def test_trials_that_are_deleted_meanwhile_are_left_out(storage: Storage) -> None:
    rows, _ = ways(storage)
    for _ in range(5):
        rows.make(running())
    rows.trials()
    deleted(storage, 1, 4)
    assert [t.number for t in rows.trials()] == [0, 2, 3]
    rows.end(2, TrialState.FAIL, None, {"reason": "its own"})
    rows.make(running())
    assert [t.number for t in rows.trials()] == [0, 2, 3, 5]  # a number is given out once
    assert rows.trials() == alike(storage)
    with pytest.raises(UpdateFinishedTrialError):
        rows.end(4, TrialState.FAIL, None, {})


def test_trials_stand_in_the_order_of_their_numbers_though_optuna_counts_rows(
    storage: Storage,
) -> None:
    rows, study = ways(storage)[0], load_study(storage, "one")
    for _ in range(5):
        rows.make(running())
    deleted(storage, 1, 2)
    study.enqueue_trial({})  # as Optuna counts it has the number 3, which another trial has
    study.enqueue_trial({})
    fresh, _ = ways(storage)
    assert [t.number for t in fresh.trials()] == [0, 3, 3, 4, 4]
    fresh.make(running())
    assert [t.number for t in fresh.trials()][-1] == 5


def test_finished_imports_are_written_whole(storage: Storage) -> None:
    for way in ways(storage):
        way.make(create_trial(values=[1.0, 2.0], params={"k": 3},
                              distributions={"k": SPACE.distributions["k"]}))  # fmt: skip
    one, other = alike(storage)
    assert one.state == other.state == TrialState.COMPLETE
    assert one.values == other.values
    assert one.datetime_complete is not None


def test_only_what_is_new_or_goes_on_is_read_again(storage: Storage) -> None:
    rows, _ = ways(storage)
    for number in range(3):
        rows.make(running())
        if number != 1:
            rows.end(number, TrialState.COMPLETE, [1.0, 1.0], {})
    before = rows.trials()
    other, _ = ways(storage)
    other.end(1, TrialState.COMPLETE, [2.0, 2.0], {})
    other.make(running())
    after = rows.trials()
    assert [t.state.name for t in after] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert [a is b for a, b in zip(after, before, strict=False)] == [True, False, True]
    assert after == other.trials()


def test_an_unknown_schema_goes_through_optuna(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(Store(storage, "one")._trials, SqlTrials)
    monkeypatch.setattr(stores, "SCHEMA", 13)
    store = Store(storage, "one")
    assert isinstance(store._trials, OptunaTrials)
    store.make(running())
    store.note(0, "lease", 2)
    store.end(0, TrialState.COMPLETE, [1.0, 2.0], {"record": 1})
    assert store.trials()[0].user_attrs == {"lease": 2, "origin": {}, "record": 1}


def test_the_schema_of_the_installed_optuna_is_the_known_one(storage: Storage) -> None:
    assert stores.schema(storage.reads.engine) == stores.SCHEMA, optuna.__version__
