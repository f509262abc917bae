"""Many workers share a budget on a real server, and meet it exactly."""

import multiprocessing
from typing import TYPE_CHECKING, Any

import pytest
from optuna.trial import TrialState
from tests.study.conftest import SPACE, a_spec, done

from betafront.study.create import make
from betafront.study.search.drawing import digest
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import tell
from betafront.study.trials.lease import Worker, has_lease
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.status import Status, status

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

# Not forked from the test: a connection of the test's own would be shared.
CONTEXT = multiprocessing.get_context("forkserver")
WORKERS, BUDGET = 16, 500


def work(url: str, number: int, ready: "Barrier") -> None:
    store = Store(open_storage(url), "many", has_lease)
    ledger = Ledger(store, SPACE, Worker.here(number), number)
    ready.wait(300)
    while (claimed := ledger.claim()) is not None:
        tell(store, claimed.trial, done(claimed.trial), claimed.spec)


@pytest.mark.slow
def test_sixteen_workers_meet_a_budget_of_five_hundred_exactly(postgresql: Any) -> None:
    url = postgresql.create_database()
    assert url.startswith("postgresql://postgres:")  # over TCP, with a password
    make(open_storage(url, create=True), a_spec(BUDGET, name="many"))
    CONTEXT.set_forkserver_preload(["betafront.study.trials.ledger", "psycopg", "sqlalchemy.orm"])
    ready = CONTEXT.Barrier(WORKERS)  # the race begins when all are there
    workers = [CONTEXT.Process(target=work, args=(url, i, ready)) for i in range(WORKERS)]
    for process in workers:
        process.start()
    for process in workers:
        process.join()
    assert [process.exitcode for process in workers] == [0] * WORKERS

    trials = Store(open_storage(url), "many").trials()
    assert [t.number for t in trials] == list(range(len(trials)))
    counting = [t for t in trials if status(t).counts]
    assert [t.state for t in counting] == [TrialState.COMPLETE] * BUDGET
    assert len({digest(t.params) for t in counting}) == BUDGET
    assert all(status(t) is Status.GIVEN_BACK for t in trials if not status(t).counts)
    assert len({t.user_attrs["lease"]["name"] for t in counting}) == WORKERS  # all took part
