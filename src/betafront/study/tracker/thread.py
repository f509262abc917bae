"""Writing the record of a study while it is swept, from a thread that nothing waits for."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console

from betafront.errors import one_line
from betafront.study.results.table import reason, rows, state
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import View
from betafront.study.trials.ledger import origin
from betafront.study.trials.replicates import trial_folder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

EVERY_SECONDS = 1.0  # between two looks at what is new
PATIENCE_SECONDS = 10.0  # between two tries to reach a view that failed


class Recorder:
    """A thread that tells a view of the trials that ended.

    The view may fail or hang (a tracking server is away): that is said once, and holds up nothing.
    What it missed it is told when it is back.

    Args:
        spec: of the study.
        view: where finished trials are recorded.
        out: the terminal.
    """

    def __init__(self, spec: Spec, view: View, out: Console) -> None:
        self.spec = spec
        self.view = view
        self.out = out
        self._trials: Sequence[FrozenTrial] = ()
        self._written: set[int] = set()
        self._not_before = 0.0
        self._complained = False
        self._done = Event()
        self._thread = Thread(target=self._loop, name="recorder", daemon=True)

    def start(self) -> None:
        """Show the study, and begin to record."""
        # Here, since what it imports is better not imported by two threads at once.
        self._try(lambda: self.view.start(self.spec))
        self._thread.start()

    def see(self, trials: "Sequence[FrozenTrial]") -> None:
        """Take notice of the trials as they are now."""
        self._trials = trials

    def stop(self) -> None:
        """Record what is left, if the view can be reached."""
        self._done.set()
        self._thread.join()
        self._try(self._write_new)

    def _loop(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            if time.monotonic() > self._not_before:
                self._try(self._write_new)

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # of a view, which may raise anything
            self._not_before = time.monotonic() + PATIENCE_SECONDS
            self._complain(error)

    def _write_new(self) -> None:
        trials = self._trials
        new = [t for t in trials if t.state.is_finished() and t.number not in self._written]
        finished = rows(trials) if new else {}
        last = self._done.is_set()
        for trial in new:
            self._write(trial, finished)
            self._written.add(trial.number)
            if self._done.is_set() and not last:
                return  # `stop` goes on with the rest

    def _write(self, trial: "FrozenTrial", finished: dict[int, dict[str, Any]]) -> None:
        """Tell the view of a trial that ended, or that has more replicates now."""
        spec, study = self.spec, Path(self.spec.folder)
        number = origin(trial).tops
        done = finished.get(trial.number if number is None else number)
        if state(trial) == "failed":
            folder = study / trial_folder(trial.number)
            self.view.failed(spec, trial.number, trial.params, reason(trial), folder)
        elif done is not None and trial.state.name == "COMPLETE":
            self.view.record(spec, done, study / done["folder"])

    def _complain(self, error: Exception) -> None:
        if self._complained:
            return
        self._complained = True
        line = (
            f"MLflow cannot be written ({one_line(error)[:250]}). The sweep goes on; what is "
            f"missing is written when MLflow is back, or by `betafront sync {self.spec.name}`."
        )
        self.out.print(line, style="yellow", markup=False)
