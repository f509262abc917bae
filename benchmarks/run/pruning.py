"""Rules of pruning, replayed on studies whose trials were all trained to their ends.

In each replay the trials begin in another random order on several workers, each at its own pace,
and a rule is asked at every rung, with what the others have had there by then. Printed are means
over the replays: the steps that are saved; the hypervolume that is lost, of the final values of
the runs that are left against that of all; and the part of the final front that was stopped.

    python -m benchmarks.run.pruning

The curves are kept in `benchmarks/results/pruning/`, so that nothing is trained where they are
there; what is printed goes to `benchmarks/results/pruning.txt`.
"""

import argparse
import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import moocore
import numpy as np
from benchmarks.common import console, say_where
from benchmarks.run.pruning_curves import SWEEPS, Curve, Curves, curves
from benchmarks.run.pruning_rules import (
    Rule,
    elbo,
    hypervolume,
    mo_asha,
    own_line,
)
from rich.table import Table

from betafront.study.pruning.own_line import AtRung, OwnLine
from betafront.study.pruning.rungs import FRACTIONS, rung_reached

RESULTS = Path(__file__).parents[1] / "results"
SAME_BETA = 1e-6  # relative
RULES: dict[str, Rule] = {
    "own line": own_line(OwnLine()),
    "own line, keeps 4 of 10": own_line(OwnLine(keep=0.4)),
    **{
        f"{name}, keeps {words}": rule(keep)
        for name, rule in (("D + R", elbo), ("hypervolume", hypervolume), ("MO-ASHA", mo_asha))
        for words, keep in (("1 of 2", 0.5), ("3 of 4", 0.75))
    },
}


@dataclass(frozen=True)
class Outcome:
    """What a replay comes to.

    Attributes:
        saved: part of all steps.
        lost: part of the hypervolume.
        stopped: part of the members of the final front.
    """

    saved: float
    lost: float
    stopped: float


def replayed(study: Curves, rule: Rule, seed: int, workers: int) -> Outcome:
    """Replay a study in a random order."""
    draw = random.Random(seed)
    order = draw.sample(study.trials, len(study.trials))
    ended: dict[int, int] = {}  # trial to the steps after which it was stopped
    at: dict[float, dict[int, AtRung]] = {}
    # (time, trial, validation) of what happens next on each worker; ties never occur.
    due = [_begun(order.pop(), draw.random(), study) for _ in range(min(workers, len(order)))]
    heapq.heapify(due)
    while due:
        time, number, place = heapq.heappop(due)
        curve = next(c for c in study.trials if c.trial == number)
        step, *_ = curve.validations[place]
        if place + 1 == len(curve.validations) or _stops(study, curve, place, rule, at, ended):
            if order:
                heapq.heappush(due, _begun(order.pop(), time, study))
            continue
        further = curve.validations[place + 1][0] - step
        heapq.heappush(due, (time + further * curve.seconds / study.steps, number, place + 1))
    return outcome(study, ended)


def _begun(curve: Curve, time: float, study: Curves) -> tuple[float, int, int]:
    """The first validation of a trial that begins at a time."""
    return time + curve.validations[0][0] * curve.seconds / study.steps, curve.trial, 0


def _stops(
    study: Curves, curve: Curve, place: int, rule: Rule,
    at: dict[float, dict[int, AtRung]], ended: dict[int, int],
) -> bool:  # fmt: skip
    """Whether a run is stopped after one of its validations; it is written down if so."""
    step, distortion, rate, beta = curve.validations[place]
    before = max((rung for rung, there in at.items() if curve.trial in there), default=0.0)
    rung = rung_reached(step, study.steps, before)
    if rung is None:
        return False
    so_far = [validation[3] for validation in curve.validations[: place + 1]]
    judged = all(b >= (1 - SAME_BETA) * a for a, b in pairwise(so_far))
    run = AtRung(distortion, rate, beta, curve.beta, judged)
    there = at.setdefault(rung, {})
    others = [replace(one, stopped=number in ended) for number, one in there.items()]
    there[curve.trial] = run
    if not rule(run, others, study.reference):
        return False
    ended[curve.trial] = step
    return True


def outcome(study: Curves, ended: dict[int, int]) -> Outcome:
    """What a replay comes to, by the trials that it has stopped and when."""
    points = np.array([(c.rate, c.distortion) for c in study.trials])
    kept = np.array([c.trial not in ended for c in study.trials])
    front = moocore.is_nondominated(points)
    taken = sum(ended.get(c.trial, study.steps) for c in study.trials)
    whole = moocore.hypervolume(points, ref=study.reference)
    return Outcome(
        saved=1 - taken / (study.steps * len(study.trials)),
        lost=1 - moocore.hypervolume(points[kept], ref=study.reference) / whole,
        stopped=float((front & ~kept).sum() / front.sum()),
    )


def row(found: Sequence[Outcome]) -> list[str]:
    """Means over replays, and of the hypervolume the worst, in per cent."""
    mean = [100 * np.mean([getattr(o, k) for o in found]) for k in ("saved", "lost", "stopped")]
    worst = 100 * max(o.lost for o in found)
    return [f"{mean[0]:.1f}", f"{mean[1]:.2f}", f"{worst:.2f}", f"{mean[2]:.1f}"]


def main() -> None:
    """Replay, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replays", type=int, default=50)
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    out = console()
    say_where(out)
    out.print(
        f"rungs at {', '.join(f'{f:g}' for f in FRACTIONS)} of the steps; means in per cent\n"
    )
    table = Table(box=None)
    for name in ("study", "rule", "steps saved", "HV lost", "at most", "front stopped"):
        table.add_column(name, justify="left" if name in ("study", "rule") else "right")
    for name in SWEEPS:
        study = curves(name)
        out.print(f"{name}: {len(study.trials)} trials, {study.command}\n", soft_wrap=True)
        for called, rule in RULES.items():
            found = [replayed(study, rule, n, given.workers) for n in range(given.replays)]
            table.add_row(name, called, *row(found))
    out.print(table)
    (RESULTS / "pruning.txt").write_text(out.export_text())


if __name__ == "__main__":
    main()
