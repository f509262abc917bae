"""Several trials in one claim: which, how many, and that each is claimed as it is alone."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.study.conftest import SLEEPING, a_spec, a_worker, claim_stack
from tests.study.conftest import done as trained
from tests.study.trials.test_ledger import budget

from betafront.study.create import make
from betafront.study.search.space import Space
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import release, tell
from betafront.study.trials.lease import LEASE, has_lease
from betafront.study.trials.ledger import Claim, Ledger
from betafront.study.trials.origin import Origin, origin
from betafront.study.trials.stacking import goes_beside, may_suit, program
from betafront.study.trials.status import Status, finished, status

Ledgers = Callable[..., Ledger]
W = "objective.weight"
WEIGHTS = Space.parse([f"{W}=interval(0,1)"])
BRANCHES = Space.parse(
    ["objective.weight=interval(0,1)", "model=mlp,conv", "schedule=linear,constant"]
)


@pytest.fixture
def ledger_of(store: Store) -> Ledgers:
    """The ledger of a worker: `ledger_of(worker, space)`."""
    return lambda worker=None, space=WEIGHTS: Ledger(store, space, worker or a_worker(), 0)


def end_all(store: Store, claims: list[Claim]) -> None:
    for claim in claims:
        tell(store, claim.trial, trained(claim.trial), claim.spec)


def numbers(claims: list[Claim]) -> list[int]:
    return [claim.trial.number for claim in claims]


def killed(store: Store, ledger_of: Ledgers) -> list[Claim]:
    """The claims of a worker that is killed with them in hand."""
    claims = claim_stack(ledger_of(a_worker()))
    process = SLEEPING.pop()
    process.kill()
    process.wait()
    return claims


def test_a_claim_is_of_one_trial_unless_the_study_stacks(store: Store, ledger_of: Ledgers) -> None:
    assert numbers(claim_stack(ledger_of())) == [0]


def test_two_workers_share_what_is_left_and_meet_the_budget(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 11, stack=4, workers=2)
    one, two = ledger_of(a_worker("0")), ledger_of(a_worker("1"))
    first, second = claim_stack(one), claim_stack(two)
    assert [numbers(first), numbers(second)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    leases = [c.trial.user_attrs[LEASE]["name"] for c in (*first, *second)]
    assert leases == [one.worker.name] * 4 + [two.worker.name] * 4  # each has its own
    end_all(store, first)
    rest = claim_stack(one)  # of 7 that have not ended, the other worker holds 4
    assert numbers(rest) == [8, 9, 10]
    end_all(store, [*second, *rest])
    assert claim_stack(one) == claim_stack(two) == []
    assert finished(store.trials()) == len(store.trials()) == 11


def test_what_others_have_nearly_done_does_not_count_for_the_share(
    store: Store, ledger_of: Ledgers
) -> None:
    """Else the first that ends would take all of the rest, and the others stand idle."""
    budget(store, 16, stack=4, workers=2)
    one, two = ledger_of(a_worker("0")), ledger_of(a_worker("1"))
    for _ in range(2):
        end_all(store, claim_stack(one))
    for claim in claim_stack(two):
        lease = two.worker.lease({"step": 90.0, "steps": 100.0})
        store.note(claim.trial.number, LEASE, lease)
    assert len(claim_stack(one)) == 3  # 4 are to be begun, and the other one is free soon


@pytest.mark.parametrize(("replicates", "most"), [(2, 2), (3, 1), (5, 1)])
def test_replicates_take_their_places_in_a_stack(
    store: Store, ledger_of: Ledgers, replicates: int, most: int
) -> None:
    budget(store, 9, stack=4, replicates=replicates)
    assert len(claim_stack(ledger_of())) == most


def test_what_is_stacked_differs_in_numbers_and_in_the_parts_of_its_objective() -> None:
    point = {
        "objective.weight": 0.5, "+schedule": "linear", "schedule@controller.schedule": "cosine",
        "optimizer.lr": 0.1, "likelihood.sigma": 1, "model": "mlp", "model.latents": 4,
        "optimizer": "adam", "trainer.steps": 100, "objective.draws": 5, "data.dequantize": True,
        "optimizer.amsgrad": True,
    }  # fmt: skip
    assert list(program(point)) == [
        "model", "model.latents", "optimizer", "trainer.steps", "objective.draws",
        "data.dequantize", "optimizer.amsgrad",
    ]  # fmt: skip


def test_a_stack_ends_at_another_program_and_the_points_are_those_without_stacks(
    url: str,
) -> None:
    def swept(stack: int) -> tuple[list[Any], list[list[Claim]]]:
        storage = open_storage(url, create=True)
        make(storage, a_spec(12, name=f"of-{stack}", stack=stack))
        store = Store(storage, f"of-{stack}", has_lease)
        ledger, stacks = Ledger(store, BRANCHES, a_worker(), 0), []
        while claims := claim_stack(ledger):
            stacks.append(claims)
            end_all(store, claims)
        return [t.params for t in store.trials()], stacks

    points, alone = swept(1)
    same, stacks = swept(4)
    assert same == points
    assert [len(claims) for claims in alone] == [1] * 12
    assert max(len(claims) for claims in stacks) > 1
    for claims in stacks:
        assert len({claim.trial.params["model"] for claim in claims}) == 1
    together = [{claim.trial.params["schedule"] for claim in claims} for claims in stacks]
    assert any(len(kinds) == 2 for kinds in together)


def test_points_that_were_asked_for_are_stacked_across_their_order(
    store: Store, ledger_of: Ledgers
) -> None:
    queue = [
        {W: n / 8, "model": ("mlp", "conv")[n % 2], "schedule": "linear"} for n in range(8)
    ]  # fmt: skip
    budget(store, 8, stack=4, queue=queue)
    ledger = ledger_of(a_worker(), BRANCHES)
    places = []
    while claims := claim_stack(ledger):
        places.append([origin(claim.trial).point for claim in claims])
        end_all(store, claims)
    assert places == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert not may_suit({"model": "conv"}, store.trials()[0])
    assert may_suit({W: 0.3}, store.trials()[0])


def test_what_a_killed_worker_held_is_taken_up_together_and_not_with_what_begins(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 6, stack=4, workers=2)
    gone = killed(store, ledger_of)
    assert numbers(gone) == [0, 1, 2]
    again = claim_stack(ledger_of(a_worker()))
    assert [origin(claim.trial).before for claim in again] == [0, 1, 2]
    assert [c.trial.params for c in again] == [c.trial.params for c in gone]
    assert [status(t) for t in store.trials()[:3]] == [Status.LOST] * 3
    begins, goes_on = Origin(), Origin(first=0, before=0)
    assert goes_beside(begins, Origin(point=3))
    assert not goes_beside(begins, goes_on)
    assert not goes_beside(begins, Origin(adds_to=1, replicates=2))


def test_a_single_lost_trial_is_trained_by_itself(store: Store, ledger_of: Ledgers) -> None:
    budget(store, 6, stack=4)
    first, *rest = claim_stack(ledger_of(a_worker()))
    end_all(store, rest)
    assert release(store, first.trial)
    again = claim_stack(ledger_of(a_worker()))
    assert [origin(claim.trial).before for claim in again] == [0]
    end_all(store, again)
    assert [origin(c.trial) for c in claim_stack(ledger_of(a_worker()))] == [Origin()] * 2


def test_what_another_program_has_put_into_the_queue_comes_first_and_joins_no_stack(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 6, stack=4)
    store.study.enqueue_trial({W: 0.25})
    first, *rest = claim_stack(ledger_of(a_worker()))
    assert first.trial.params == {W: 0.25}
    assert len(rest) == 3  # which begin as it does
    end_all(store, [first, *rest])
    one = ledger_of(a_worker()).claim()
    assert one is not None
    store.study.enqueue_trial({W: 0.75})
    assert ledger_of(one_worker := a_worker()).claim([one]) is None
    assert not any(one_worker.holds(t) for t in store.trials())
