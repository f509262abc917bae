"""Whether a run that is trained is to be stopped: asked at its rungs, by `study.pruner`."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from betafront.errors import one_line
from betafront.study.pruning.own_line import OwnLine
from betafront.study.pruning.rungs import rung_reached
from betafront.study.pruning.trained_line import only_risen
from betafront.study.storage.study_store import Store
from betafront.study.trials.rungs import RUNGS, Rung, earlier_rungs, others_at
from betafront.training.history import STEP, TRAIN_BETA, VAL_DISTORTION, VAL_RATE, Row

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from betafront.training.run import Run

log = logging.getLogger(__name__)


class Pruner:
    """Writes what a trial has at its rungs, and judges it there by what the others had.

    Args:
        store: of the study. Where it does not answer, the rung is left out and the run goes on.
        trial: that is trained.
        trials: of the study, as they were when it was claimed.

    Attributes:
        reason: why the trial is to be stopped; None while it may go on.
    """

    def __init__(self, store: Store, trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> None:
        self.store = store
        self.trial = trial
        self.rule = OwnLine()
        self.rungs = earlier_rungs(trial, trials)
        self.reason: str | None = None

    def stops(self) -> bool:
        """Whether the trial is to be stopped."""
        return self.reason is not None

    def look(self, row: Row, run: "Run") -> None:
        """Judge the run, if a new row of its history is at a rung."""
        after = max((rung.part for rung in self.rungs), default=0.0)
        part = rung_reached(int(row[STEP]), run.trainer.steps, after)
        if part is None or self.stops():
            return
        rung = rung_of(part, row, run)
        self.rungs.append(rung)
        try:
            self._note()
            others = others_at(part, self.trial, self.store.trials())
            said = self.rule.judge(rung.seen(stopped=False), others)
            if said is not None and said.stop:
                self.rungs[-1] = replace(rung, stopped=True)
                self._note()
        except Exception as error:  # the storage is away, or another worker has the trial by now
            log.warning("the rung at %g is left out: %s", part, one_line(error)[:200])
            return
        if said is not None and said.stop:
            self.reason = (
                f"pruned: at step {rung.step} of {run.trainer.steps} it was {said.regret:.3g} nats "
                f"behind on its own line D + {rung.beta:.3g} R, and {said.limit:.3g} were allowed"
            )

    def _note(self) -> None:
        """Write the rungs to the storage."""
        self.store.note(self.trial.number, RUNGS, [one.written() for one in self.rungs])


def rung_of(part: float, row: Row, run: "Run") -> Rung:
    """A rung that a run has come to.

    Args:
        part: which rung.
        row: of its history.
        run: its parts.
    """
    # The schedule alone, which does not depend on the latents; the number of these needs a model.
    schedule = run.objective((1,)).schedule
    progress = (row[STEP] - 1) / run.trainer.steps  # of the last step, whose β the row has
    factor, beta = schedule(progress), row[TRAIN_BETA]
    return Rung(
        part=part,
        step=int(row[STEP]),
        distortion=row[VAL_DISTORTION],
        rate=row[VAL_RATE],
        beta=beta,
        final=beta / factor if factor > 0 else beta,
        judged=factor > 0 and only_risen(schedule, progress),
    )
