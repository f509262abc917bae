"""What runs of several seeds and lengths, at a pick and at its neighbours in β, differ by.

Runs of the same seed are compared in pairs, so what a seed does to every β alike is no noise. A run
that has settled says the same after more steps, so seeds whose runs are shorter count, too.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from betafront.training.standing import SETTLED

CONFIDENCE = 0.95  # with which a difference is more than noise
DEGREES = 1000.0  # of freedom, from which a noise counts as known
ENOUGH = 3  # degrees of freedom from which pairs alone say how large their noise is


@dataclass(frozen=True)
class Tested:
    """What one run says at one number of steps.

    Attributes:
        beta: with which it was trained.
        seed: the same number for runs that are compared in pairs.
        steps: optimiser steps.
        value: what the pick's rule makes least, in nats per example: D + R for the best ELBO.
        standing: how the run stands (`betafront.training.standing.STATES`).
        falling: nats by which another doubling of the steps would lower `value`; 0 where that is
            not known, or less than its error.
    """

    beta: float
    seed: int
    steps: int
    value: float
    standing: str = "unknown"
    falling: float = 0.0


@dataclass(frozen=True)
class Noise:
    """How much runs differ that differ by their seeds alone.

    Attributes:
        sd: the standard deviation of `Tested.value`, in nats; None where it is not known.
        degrees: of freedom of `sd`.
        basis: what it was read from, in words; empty where it is not known.
    """

    sd: float | None = None
    degrees: float = 0.0
    basis: str = ""


@dataclass(frozen=True)
class Level:
    """A neighbour in β beside the pick, after some number of steps.

    Attributes:
        steps: optimiser steps.
        beta: of the neighbour.
        difference: the mean of its `value` less that of the pick, in nats; above 0 the pick is
            better.
        error: the standard error of `difference`; None where the noise is not known.
        limit: how far from 0 a difference is more than noise; None where the noise is not known.
        seeds: of the pairs.
        shorter: how many of these pairs have a run of fewer steps, which had settled.
        further: nats by which the neighbour would yet catch up, as far as both runs still fall.
    """

    steps: int
    beta: float
    difference: float
    error: float | None
    limit: float | None
    seeds: int
    further: float = 0.0
    shorter: int = 0

    @property
    def is_behind(self) -> bool:
        """Whether the neighbour is worse than the pick, and would stay so."""
        return self.is_no_better(by=0.0)

    def is_no_better(self, by: float) -> bool:
        """Whether the neighbour is not better than the pick by so many nats, and would not come to
        be."""
        return self.limit is not None and self.difference - self.further + by > self.limit

    @property
    def is_ahead(self) -> bool:
        """Whether the neighbour is better than the pick."""
        return self.limit is not None and self.difference < -self.limit

    @property
    def text(self) -> str:
        """The difference with its standard error, as `+1.3 ± 0.4`."""
        error = "" if self.error is None else f" ± {self.error:.2g}"
        return f"{self.difference:+.2f}{error}"


def levels_after(
    steps: int, beta: float, neighbours: Sequence[float], rows: Sequence[Tested], noise: Noise
) -> list[Level]:
    """The neighbours after some number of steps, as far as they and the pick have runs of one seed.

    Args:
        steps: optimiser steps.
        beta: of the pick.
        neighbours: the other β.
        rows: what the runs say, at the pick and at its neighbours.
        noise: of the study's own runs.
    """
    own, *others = (_after(steps, [r for r in rows if r.beta == b]) for b in (beta, *neighbours))
    pairs = {
        b: [(other[seed], own[seed]) for seed in sorted(own.keys() & other.keys())]
        for b, other in zip(neighbours, others, strict=True)
    }
    differences = {b: [one.value - pick.value for one, pick in of] for b, of in pairs.items() if of}
    variance, degrees = _variance(list(differences.values()), noise)
    found = []
    for b, values in differences.items():
        error = limit = None
        if variance is not None:
            error = math.sqrt(variance / len(values))
            limit = _quantile(degrees) * error
        catches_up = [max(one.falling - pick.falling, 0.0) for one, pick in pairs[b]]
        found.append(
            Level(
                steps=steps,
                beta=b,
                difference=statistics.fmean(values),
                error=error,
                limit=limit,
                seeds=len(values),
                further=statistics.fmean(catches_up),
                shorter=sum(min(one.steps, pick.steps) < steps for one, pick in pairs[b]),
            )
        )
    return found


def _after(steps: int, rows: Sequence[Tested]) -> dict[int, Tested]:
    """What the run of each seed says after some number of steps, or said when it had settled after
    fewer."""
    said = [r for r in rows if r.steps == steps or (r.steps < steps and r.standing == SETTLED)]
    return {row.seed: row for row in sorted(said, key=lambda row: row.steps)}


def _variance(groups: Sequence[Sequence[float]], noise: Noise) -> tuple[float | None, float]:
    """The variance of a difference between two runs of one seed, and its degrees of freedom: of the
    pairs where there are enough of them, else pooled with the noise of the study's own runs, which
    is larger where a seed does to every β alike."""
    squares = sum((v - statistics.fmean(of)) ** 2 for of in groups for v in of)
    degrees = float(sum(len(of) - 1 for of in groups))
    if degrees < ENOUGH and noise.sd is not None and noise.degrees > 0:
        squares += noise.degrees * 2 * noise.sd**2
        degrees += noise.degrees
    return (squares / degrees, degrees) if degrees > 0 else (None, 0.0)


def _quantile(degrees: float) -> float:
    """How many standard errors a difference must lie from 0 to be more than noise (Student's t)."""
    from scipy.special import stdtrit

    return float(stdtrit(min(degrees, DEGREES), 0.5 + CONFIDENCE / 2))
