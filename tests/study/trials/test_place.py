"""A lost trial keeps its place in the budget."""

from collections.abc import Callable
from dataclasses import replace

from tests.study.conftest import done, lost, tallied

from betafront.study.spec import Spec
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import end_lost, tell
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import origin
from betafront.study.trials.status import status


def test_two_new_trials_do_not_take_the_place_of_one_that_is_found_lost_meanwhile(
    store: Store, ledger_of: Callable[..., Ledger]
) -> None:
    spec = replace(Spec.of(store.settings()), trials=2)
    spec.store(store)
    gone = lost(store)
    # Two workers have seen one running trial of two, and each makes one, of which one is too many…
    seen = tallied(store.trials())
    ledgers = [ledger_of(), ledger_of()]
    for number, ledger in enumerate(ledgers):
        ledger.number = number
        work = ledger._next(spec, seen)
        assert work is not None
        ledger._make(work, spec, seen)
    # … but before they look again the running one is found lost.
    end_lost(store, spec, store.trials())
    for ledger in ledgers:
        claimed = ledger.claim()
        if claimed is not None:
            tell(store, claimed[0], done(claimed[0]), spec)
    assert ledgers[0].claim() is None
    ended = [t for t in store.trials() if t.state.name == "COMPLETE"]
    assert len(ended) == 2
    assert [t.params for t in ended if origin(t).before == gone.number] == [gone.params]
    assert [t.number for t in store.trials() if status(t).again] == [gone.number]
