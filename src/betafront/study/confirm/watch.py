"""Watching the runs that confirm a decision."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from betafront.front.table import DISTORTION, RATE
from betafront.study.confirm.plan import ConfirmPlan
from betafront.study.confirm.show import beta_of
from betafront.study.display.watch import Watch
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import NoTracker
from betafront.study.trials.confirming import ended
from betafront.study.trials.origin import origin
from betafront.study.trials.pace import part_done
from betafront.study.trials.replicates import record_of
from betafront.study.trials.status import RELEASED, Status, reason, status

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


class ConfirmWatch(Watch):
    """Prints a line for each run that has ended; in a terminal, how far the others are, too.

    Args:
        study: of the runs.
        spec: of the study.
        plan: whose runs they are.
        out: the terminal.
        ask: as in `Watch`.
    """

    def __init__(
        self,
        study: "Study",
        spec: Spec,
        plan: ConfirmPlan,
        out: Console,
        ask: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(study, spec, NoTracker(), out, ask)
        self.plan = plan

    def _look(self, quietly: bool = False) -> None:
        trials = self.study.get_trials(deepcopy=False)
        own = [t for t in trials if origin(t).confirms in self.plan.runs]
        new = [t for t in own if t.number not in self._shown and status(t).is_news]
        for trial in new:
            self._shown.add(trial.number)
            if not quietly:
                done = len(ended(self.plan.runs, own))
                line = f"[{done}/{len(self.plan.runs)}] {news(trial, self.plan)}"
                self.out.print(line, markup=False, soft_wrap=True)
        if self._live:
            self._live.update(self._state(own), refresh=True)

    def _state(self, own: "list[FrozenTrial]") -> Text:
        """How far the runs are that have not ended."""
        if self._done.is_set():
            return Text("")
        now = time.time()
        running = [t for t in own if status(t, now).runs]
        done = len(ended(self.plan.runs, own))
        parts = ", ".join(f"{where(t, self.plan)} {100 * part_done(t):.0f} %" for t in running)
        return Text(
            f"{done} of {len(self.plan.runs)} runs; {parts or 'waiting for workers'}",
            no_wrap=True,
            overflow="ellipsis",
        )


def where(trial: "FrozenTrial", plan: ConfirmPlan) -> str:
    """Which run a trial is, in words."""
    run = origin(trial).confirms
    assert run is not None
    return f"β {beta_of(run, plan.picks):.3g} seed {run.seed + 1} {run.times}×"


def news(trial: "FrozenTrial", plan: ConfirmPlan) -> str:
    """What came of a run, in one line."""
    now, what = status(trial), where(trial, plan)
    if now is Status.CONFIRMS:
        record = record_of(trial)
        d, r = record.metrics[DISTORTION], record.metrics[RATE]
        stands = f"  {record.standing.state}" if record.standing else ""
        return (
            f"{what}  D {d:>8.2f}  R {r:>7.2f}  D + R {d + r:>8.2f} nats  "
            f"{record.seconds:>5.1f} s{stands}"
        )
    if now is Status.NOT_CONFIRMS:
        return f"{what}  {reason(trial)}"
    stopped = RELEASED in trial.user_attrs
    return f"{what}  " + (
        "was stopped before its end; it is taken up again"
        if stopped
        else "was lost with its worker; it is tried again"
    )
