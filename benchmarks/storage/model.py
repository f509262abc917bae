"""How many workers one PostgreSQL carries: a model, out of what was measured.

With W workers and trials of T seconds the server gets W/T trials and W/BEAT renewals a second. Each
trial costs it s seconds on its processors, and r more for every trial that runs beside it, since a
claim reads these; each renewal costs it b; each trial holds the study's lock for m seconds, while
it is made. So what must stay below what there is:

    connections   W                                  below  max_connections
    processors    W/T * (s + r W) + W/BEAT * b       below  USED of the server's cores
    the lock      W/T * m                            below  USED of a second each second
    all at once   W * (server's seconds of a first claim) / cores  below  LONGEST_START_SECONDS
    a worker      (c + d W) / T                      below  SHARE of its time

where a claim takes a worker c + d W seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

from betafront.study.trials.lease import LeaseTimes

CONNECTIONS = 97  # of the 100 that a server allows as it comes, 3 are the administrator's
TRIPS = 6  # to the server and back while a trial is made under the lock
ROUND_TRIP_SECONDS = 0.0005  # in a network; what is measured on one machine lacks it
USED = 0.7  # above it, a queue grows longer than what is done
SHARE = 0.05
LONGEST_START_SECONDS = 300.0
MOST = 10**6  # workers that are asked for


@dataclass(frozen=True)
class Costs:
    """What was measured, in seconds; see the formulas above.

    Attributes:
        trial: s, beside few others.
        beside: r.
        renewal: b.
        lock: m.
        first: the server's processors, for the first claim of a worker in the whole study.
        claim: c.
        claim_beside: d.
    """

    trial: float
    beside: float
    renewal: float
    lock: float
    first: float
    claim: float
    claim_beside: float


@dataclass(frozen=True)
class Limit:
    """What gives way, and where.

    Attributes:
        name: of it.
        workers: the most that it carries.
        used: of it, by as many workers as were asked for, where 1 is all that there should be.
    """

    name: str
    workers: int
    used: float


def limits(costs: Costs, seconds: float, workers: int, cores: int) -> list[Limit]:
    """What gives way, first things first.

    Args:
        costs: measured.
        seconds: of a trial.
        workers: that are wanted.
        cores: of the server, as fast as those that were measured.
    """
    of: dict[str, Callable[[float], float]] = {
        "connections of a server as it comes": lambda w: w / CONNECTIONS,
        f"{cores} cores of the server": lambda w: cores_used(costs, seconds, w) / (USED * cores),
        "the study's lock": lambda w: w / seconds * costs.lock / USED,
        f"all begin within {LONGEST_START_SECONDS / 60:.0f} min": lambda w: (
            w * costs.first / cores / LONGEST_START_SECONDS
        ),
        f"{SHARE:.0%} of a worker's time": lambda w: (
            (costs.claim + costs.claim_beside * w) / seconds / SHARE
        ),
    }
    found = [Limit(name, most(used), used(workers)) for name, used in of.items()]
    return sorted(found, key=lambda limit: limit.workers)


def cores_used(costs: Costs, seconds: float, workers: float) -> float:
    """Of the server."""
    trials = workers / seconds * (costs.trial + costs.beside * workers)
    return trials + workers / LeaseTimes().renewal * costs.renewal


def most(used: Callable[[float], float]) -> int:
    """The most workers of which no more is used than there should be."""
    low, high = 0, MOST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if used(middle) <= 1 else (low, middle - 1)
    return low
