"""A trial that a worker holds, alone or in a stack, and what has come of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from betafront.study.trials.ending import Outcome
from betafront.study.trials.lease import Progress
from betafront.study.trials.ledger import Claim
from betafront.study.trials.origin import origin
from betafront.study.trials.replicates import Record, record_of_run, record_of_runs
from betafront.study.trials.steps import steps_of_other_study
from betafront.study.worker.earlier_attempts import runs_to_add_to
from betafront.training.history import STEP
from betafront.training.result import Result


@dataclass
class Member:
    """A trial in training.

    Attributes:
        claim: of the trial.
        wanted: how many runs it is to have.
        runs: the records of those that it has, in order.
        running: how far those are that are trained now.
        steps: optimiser steps that its runs took, of those that have ended.
        outcome: what came of it; None while it has runs to be trained.
        told: whether the storage knows what came of it.
        taken: set once another worker has the trial.
    """

    claim: Claim
    wanted: int
    runs: list[Record]
    running: Sequence[Progress] = ()
    steps: int = 0
    outcome: Outcome | None = None
    told: bool = False
    taken: Event = field(default_factory=Event)

    @classmethod
    def of(cls, claim: Claim) -> "Member":
        """The trial of a claim."""
        why = origin(claim.trial)
        wanted = 1 if why.confirms else why.replicates or claim.spec.replicates
        return cls(claim, wanted, runs_to_add_to(claim.trial, claim.trials))

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.claim.trial.number

    @property
    def is_held(self) -> bool:
        """Whether its lease is to be renewed."""
        return self.outcome is None and not self.taken.is_set()

    def missing(self) -> range:
        """The replicates that are to be trained; none once the outcome is known."""
        return range(len(self.runs), self.wanted) if self.outcome is None else range(0)

    def take(self, replicate: int, found: Result | Outcome, study: Path) -> None:
        """Take in what came of a run. The first one without a result decides for the trial.

        Args:
            replicate: which run, in order.
            found: what came of it.
            study: the folder of the study.
        """
        self.steps += self._steps_of(replicate, found)
        if self.outcome is None and isinstance(found, Result):
            self.runs.append(record_of_run(found, study))
            return
        if self.outcome is None and isinstance(found, Outcome):
            self.outcome = found
        if self.outcome is not None:
            self.outcome = replace(self.outcome, steps=self.steps)

    def _steps_of(self, replicate: int, found: Result | Outcome) -> int:
        """The steps of a run, without those that another study has taken of it."""
        why = origin(self.claim.trial)
        if isinstance(found, Outcome):
            steps = found.steps
        else:
            steps = int(found.history[-1][STEP]) if found.history else 0
        taken_over = why.source is not None and replicate < len(why.source.runs)
        return max(steps - steps_of_other_study(why), 0) if taken_over else steps

    def conclude(self) -> None:
        """Make the record of the trial, if it has all of its runs."""
        if self.outcome is None and not self.missing():
            self.outcome = Outcome(record=record_of_runs(self.runs), steps=self.steps)

    def progress(self) -> Progress:
        """How far the trial is, as its lease says it: `step` of `steps` of the run that is trained,
        or their mean where several are `at_once`, and which replicate that is, or the first."""
        runs = [dict(run) for run in self.running]
        begun = [run for run in runs if STEP in run]
        now: Progress = dict(begun[-1]) if begun else {}
        if begun:
            now[STEP] = sum(run[STEP] for run in begun) / len(runs)
        if self.wanted > 1:
            now.update(replicate=len(self.runs) + 1, replicates=self.wanted)
        return now | {"at_once": len(runs)} if len(runs) > 1 else now
