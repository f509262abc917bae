"""Whether a decision is confirmed: what runs with further seeds and more steps, at the picked β and
at its neighbours, say of it.

Runs of the same seed are compared in pairs, so what a seed does to every β alike is no noise. The
variance of a difference is pooled from the pairs and from the noise of the study's own runs, in
proportion to their degrees of freedom: one further seed alone tells nothing of its noise.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from betafront.training.standing import OVERFITTED, UNSTABLE

STANDS, MOVES, ALIKE = "stands", "moves", "cannot be told apart"
CONFIDENCE = 0.95  # with which a difference is more than noise
DEGREES = 1000.0  # of freedom, from which a noise counts as known
TELLS_NOTHING = (OVERFITTED, UNSTABLE)  # standings of runs whose value says nothing of their β


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
        further: nats by which the neighbour would yet catch up, as far as both runs still fall.
    """

    steps: int
    beta: float
    difference: float
    error: float | None
    limit: float | None
    seeds: int
    further: float = 0.0

    @property
    def is_behind(self) -> bool:
        """Whether the neighbour is worse than the pick, and would stay so."""
        return self.limit is not None and self.difference - self.further > self.limit

    @property
    def is_ahead(self) -> bool:
        """Whether the neighbour is better than the pick."""
        return self.limit is not None and self.difference < -self.limit

    @property
    def text(self) -> str:
        """The difference with its standard error, as `+1.3 ± 0.4`."""
        error = "" if self.error is None else f" ± {self.error:.2g}"
        return f"{self.difference:+.2f}{error}"


@dataclass(frozen=True)
class Verdict:
    """What the runs say of one pick.

    Attributes:
        name: of the pick, as `best ELBO`.
        trial: the number of its trial.
        beta: of the trial.
        word: `stands`, `moves` or `cannot be told apart`.
        to: the neighbour to which it moves, or those from which it cannot be told apart.
        beyond: whether the best β may lie beyond `to`, where it moves.
        compared: what is compared, as `D + R`.
        levels: the neighbours, by their steps.
        missing: β, of the pick or of a neighbour, whose longest runs failed or were not compared,
            each with the reason.
        standings: the states of the runs after the most steps, each with the number of runs.
    """

    name: str
    trial: int
    beta: float
    word: str
    to: tuple[float, ...]
    beyond: bool
    compared: str
    levels: tuple[Level, ...]
    missing: Mapping[float, str]
    standings: Mapping[str, int]

    @property
    def longest(self) -> list[Level]:
        """The neighbours after the most steps."""
        most = max((level.steps for level in self.levels), default=0)
        return [level for level in self.levels if level.steps == most]

    @property
    def outcome(self) -> str:
        """`stands`, `moves to β ≈ 2` or `cannot be told apart from β = 2`."""
        betas = " and ".join(f"{beta:.3g}" for beta in self.to)
        if self.word == STANDS:
            return STANDS
        if self.word == MOVES:
            return f"moves to β ≈ {betas}{' or beyond' if self.beyond else ''}"
        return f"cannot be told apart from β = {betas}"

    @property
    def text(self) -> str:
        """The verdict in one sentence, with its numbers."""
        said = [f"{level.text} nats at β = {level.beta:.3g}" for level in self.longest]
        numbers = "no two runs can be compared"
        if said:
            seeds = max(level.seeds for level in self.longest)
            numbers = (
                f"{self.compared} above the pick's is {' and '.join(said)} after "
                f"{self.longest[0].steps:,} steps ({seeds} seed{'s' if seeds > 1 else ''})"
            )
        return f"{self.name}: β = {self.beta:.3g} {self.outcome}: {numbers}{self._missing}."

    @property
    def _missing(self) -> str:
        """The reasons of `missing`, each with its β, in clauses."""
        of: dict[str, list[str]] = {}
        for beta, why in self.missing.items():
            of.setdefault(why, []).append(f"{beta:.3g}")
        return "".join(f"; at β = {' and '.join(betas)} {why}" for why, betas in of.items())

    def written(self) -> dict[str, Any]:
        """As JSON keeps it."""
        kept = asdict(self) | {"text": self.text, "outcome": self.outcome}
        kept["missing"] = [[beta, why] for beta, why in self.missing.items()]
        return kept

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "Verdict":
        """What `written` returned."""
        values = {field.name: written[field.name] for field in fields(cls)}
        values["levels"] = tuple(Level(**level) for level in written["levels"])
        values["missing"] = {float(beta): why for beta, why in written["missing"]}
        values["to"] = tuple(written["to"])
        return cls(**values)


def verdict(
    name: str,
    trial: int,
    beta: float,
    neighbours: Sequence[float],
    rows: Sequence[Tested],
    noise: Noise,
    compared: str = "D + R",
    failed: Mapping[float, str] = {},
) -> Verdict:
    """What runs with further seeds and more steps say of a pick.

    After the most steps: the pick stands where every neighbour is worse by more than noise (and by
    more than it would catch up with yet more steps), and none was better after fewer steps. It
    moves where a neighbour is better by more than noise. Otherwise it cannot be told apart from
    those neighbours that are not worse.

    A run that is overfitted or unstable is not compared: its value says how it was trained, and
    nothing of its β. The pick does not stand where its longest run, or that of a neighbour, failed.

    Args:
        name: of the pick.
        trial: the number of its trial.
        beta: of the pick.
        neighbours: the other β.
        rows: what the runs say, at the pick and at its neighbours.
        noise: of the study's own runs.
        compared: what `Tested.value` is, in words.
        failed: β, of the pick or of a neighbour, whose longest run failed, each with the reason.
    """
    told = [row for row in rows if row.standing not in TELLS_NOTHING]
    levels = tuple(
        level
        for steps in sorted({row.steps for row in told})
        for level in _levels(beta, neighbours, [r for r in told if r.steps == steps], noise)
    )
    most = max((level.steps for level in levels), default=0)
    last = {level.beta: level for level in levels if level.steps == most}
    ahead = [b for b in last if last[b].is_ahead]
    once_ahead = {level.beta for level in levels if level.is_ahead}
    longest = max((row.steps for row in rows), default=0)
    states = [row.standing for row in rows if row.steps == longest]
    missing = _not_compared(rows, longest) | dict(failed)
    if beta not in missing:  # else there is nothing to compare any neighbour with
        lacking = [b for b in neighbours if b not in last]
        missing = dict.fromkeys(lacking, "no run has a result") | missing
    alike = [
        b
        for b in neighbours
        if {b, beta} & missing.keys() or not last[b].is_behind or b in once_ahead
    ]
    word, to = (ALIKE, tuple(sorted(alike))) if alike else (STANDS, ())
    if ahead:
        word, to = MOVES, (min(ahead, key=lambda b: last[b].difference),)
    return Verdict(
        name=name,
        trial=trial,
        beta=beta,
        word=word,
        to=to,
        beyond=word == MOVES and _is_beyond(beta, to[0], last),
        compared=compared,
        levels=levels,
        missing={b: missing[b] for b in (beta, *neighbours) if b in missing},
        standings={state: states.count(state) for state in dict.fromkeys(states)},
    )


def _not_compared(rows: Sequence[Tested], longest: int) -> dict[float, str]:
    """The β whose runs of the most steps are all overfitted or unstable, in words."""
    found: dict[float, str] = {}
    for beta in {row.beta for row in rows}:
        states = {row.standing for row in rows if (row.beta, row.steps) == (beta, longest)}
        if states and states <= set(TELLS_NOTHING):
            said = " or ".join(sorted(states))
            found[beta] = f"the runs of {longest:,} steps are {said}, and were not compared"
    return found


def _levels(
    beta: float, neighbours: Sequence[float], rows: Sequence[Tested], noise: Noise
) -> list[Level]:
    """The neighbours after the steps that all of `rows` have."""
    by_beta = {b: {row.seed: row for row in rows if row.beta == b} for b in (beta, *neighbours)}
    own = by_beta[beta]
    pairs = {
        b: [(by_beta[b][seed], own[seed]) for seed in sorted(own) if seed in by_beta[b]]
        for b in neighbours
    }
    differences = {b: [one.value - pick.value for one, pick in of] for b, of in pairs.items() if of}
    variance, degrees = _pooled(list(differences.values()), noise)
    found = []
    for b, values in differences.items():
        error = limit = None
        if variance is not None:
            error = math.sqrt(variance / len(values))
            limit = _quantile(degrees) * error
        catches_up = [max(one.falling - pick.falling, 0.0) for one, pick in pairs[b]]
        found.append(
            Level(
                steps=rows[0].steps,
                beta=b,
                difference=statistics.fmean(values),
                error=error,
                limit=limit,
                seeds=len(values),
                further=statistics.fmean(catches_up),
            )
        )
    return found


def _pooled(groups: Sequence[Sequence[float]], noise: Noise) -> tuple[float | None, float]:
    """The variance of a difference between two runs of one seed, and its degrees of freedom."""
    squares = sum((v - statistics.fmean(of)) ** 2 for of in groups for v in of)
    degrees = float(sum(len(of) - 1 for of in groups))
    if noise.sd is not None and noise.degrees > 0:
        squares += noise.degrees * 2 * noise.sd**2
        degrees += noise.degrees
    return (squares / degrees, degrees) if degrees > 0 else (None, 0.0)


def _quantile(degrees: float) -> float:
    """How many standard errors a difference must lie from 0 to be more than noise (Student's t)."""
    from scipy.special import stdtrit

    return float(stdtrit(min(degrees, DEGREES), 0.5 + CONFIDENCE / 2))


def _is_beyond(beta: float, to: float, last: Mapping[float, Level]) -> bool:
    """Whether the parabola through the pick and its neighbours, over log β, has its least value
    beyond the neighbour `to`, or none."""
    if len(last) != 2:
        return True
    (b, own), (_, other) = sorted(last.items(), key=lambda item: item[0] != to)
    x = math.log(b / beta)
    y = math.log(next(k for k in last if k != to) / beta)
    # Through (0, 0): a t² + c t, with values at x and y.
    a = (own.difference / x - other.difference / y) / (x - y)
    c = own.difference / x - a * x
    return a <= 0 or abs(-c / (2 * a)) > abs(x)
