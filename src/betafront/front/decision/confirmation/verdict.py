"""Whether a decision is confirmed: what runs with further seeds and more steps, at the picked β and
at its neighbours, say of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from betafront.front.decision.confirmation.levels import Level, Noise, Tested, levels_after
from betafront.training.standing import OVERFITTED, UNSTABLE

STANDS, MOVES, ALIKE = "stands", "moves", "cannot be told apart"
TELLS_NOTHING = (OVERFITTED, UNSTABLE)  # standings of runs whose value says nothing of their β


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
        margin: nats by which a neighbour is not better where the pick stands: the standard
            deviation by which the study's own runs differ by chance. 0 where that is not known: the
            neighbours are worse then.
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
    margin: float = 0.0

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
            shorter = max(level.shorter for level in self.longest)
            settled = f", {shorter} settled after fewer" if shorter else ""
            numbers = (
                f"{self.compared} above the pick's is {' and '.join(said)} after "
                f"{self.longest[0].steps:,} steps ({seeds} seed{'s' if seeds > 1 else ''}{settled})"
            )
        what = f"{self.name}: β = {self.beta:.3g} {self.outcome}"
        return f"{what}: {numbers}{self._as_good}{self._missing}."

    @property
    def _as_good(self) -> str:
        """That neighbours are as good as a pick that stands, in a clause."""
        alike = [f"{level.beta:.3g}" for level in self.longest if not level.is_behind]
        if self.word != STANDS or not alike:
            return ""
        return (
            f"; β = {' and '.join(alike)} is not better by the {self.margin:.2g} nats that the "
            "study's own runs differ by chance"
        )

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
        values = {
            field.name: written[field.name]
            for field in fields(cls)
            if field.default is MISSING or field.name in written  # some are younger than others
        }
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

    After the most steps: the pick stands where surely (95 %) no neighbour is better, nor would come
    to be with yet more steps, by as much as the study's own runs differ by chance, and none was
    better by more than noise after fewer steps. It moves where a neighbour is better by more than
    noise. Otherwise it cannot be told apart from those neighbours that may be better by so much.

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
        for level in levels_after(steps, beta, neighbours, told, noise)
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
    margin = noise.sd or 0.0
    alike = [
        b
        for b in neighbours
        if {b, beta} & missing.keys() or not last[b].is_no_better(by=margin) or b in once_ahead
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
        margin=margin,
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
