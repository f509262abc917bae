"""What a study takes over from another one: how much that is, and in words."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from betafront.study.spec import STEPS, Spec
from betafront.study.trials.origin import RESULTS, WEIGHTS, Origin, Source


@dataclass
class Imports:
    """What a study takes over from another one.

    Attributes:
        study: the name of the other one.
        works: the trials that are new, as `Spec.imports` keeps them.
        takes: how many of them take over RESULTS, WEIGHTS, SEEDS.
        steps: how long they were trained there.
        outside: how many complete trials there lie outside the space.
        without_files: how many are complete and have lost their run folders.
        reasons: why runs cannot go on from their last weights, with the number of trials.
    """

    study: str
    steps: int = 0
    works: list[dict[str, Any]] = field(default_factory=list)
    takes: Counter[str] = field(default_factory=Counter)
    outside: int = 0
    without_files: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, point: dict[str, Any], why: Origin, source: Source) -> None:
        """Take over a trial at a point of the space."""
        written = replace(why, source=source).written()
        self.works.append({"params": point, "origin": written})
        self.takes[source.takes] += 1


def lines(found: Imports, spec: Spec, counting: int) -> list[str]:
    """What is taken over, in words.

    Args:
        found: what is taken over.
        spec: of the study.
        counting: how many of its trials count against the budget already.
    """

    def said(n: int, one: str, more: str) -> str:
        return (
            f"{n} trial of {found.study} {one}" if n == 1 else f"{n} trials of {found.study} {more}"
        )

    takes, every = found.takes, []
    if n := takes[RESULTS]:
        every.append(said(n, "is taken over as it is.", "are taken over as they are."))
    if n := takes[WEIGHTS]:
        where = f"on from step {found.steps}, to step {spec.base[STEPS]}."
        every.append(said(n, f"goes {where}", f"go {where}"))
    for reason, n in found.reasons.items():
        how = f"trained from the start, with the same seeds: {reason}."
        every.append(said(n, f"is {how}", f"are {how}"))
    if n := found.outside:
        how = "outside the space, and"
        every.append(said(n, f"lies {how} is left out.", f"lie {how} are left out."))
    if n := found.without_files:
        every.append(said(n, "has lost its run folder.", "have lost their run folders."))
    return [*every, *of_budget(found, spec, counting)]


def of_budget(found: Imports, spec: Spec, counting: int) -> list[str]:
    """A word on a budget that has no room for what is taken over, or for nothing else."""
    room, many = spec.trials - counting, len(found.works)
    if many and many > room:
        return [
            f"study.budget.trials={spec.trials} has room for {max(room, 0)} of these {many}: "
            f"study.budget.trials={counting + many} takes over all of them."
        ]
    if many and many == room and found.takes[RESULTS] == many:
        return [
            f"That fills study.budget.trials={spec.trials}, and nothing is left to be trained: "
            f"study.budget.trials={2 * spec.trials} trains {spec.trials} more."
        ]
    return []


def whole_runs(spec: Spec, before: int) -> float:
    """As many whole runs as the rest of a study's budget trains: a run that goes on from its last
    weights is a part of one.

    Args:
        spec: of the study, with what it takes over.
        before: how many trials are finished already.
    """
    room = max(spec.trials - before, 0)
    taken = [Origin.read(one["origin"]).source for one in spec.imports[:room]]
    runs = float((room - len(taken)) * spec.replicates)
    for source in taken:
        if source is not None:
            runs += max(len(source.runs), spec.replicates)
            runs -= _done(source, spec) * len(source.runs)
    return runs


def _done(source: Source, spec: Spec) -> float:
    """The part of a run that what is taken over stands for."""
    if source.takes == WEIGHTS:
        return float(source.steps / spec.base[STEPS])
    return 1.0 if source.takes == RESULTS else 0.0
