"""Recording a study while it is swept, from a thread that nothing waits for."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console

from betafront.errors import one_line
from betafront.study.results.table import rows
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Tracker
from betafront.study.tracker.publish import print_news, write_without_result
from betafront.study.trials.origin import origin
from betafront.study.trials.status import Status, status
from betafront.terminal import command_line, print_sentence

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

EVERY_SECONDS = 1.0  # between two looks at what is new
PATIENCE_SECONDS = 10.0  # after an error of the tracker, until it is tried again


class Recorder:
    """A thread that has a tracker record the trials that ended.

    The tracker may fail or hang, as where its server is away: that is said once, and holds up
    neither the sweep nor its display. The trials that it missed are recorded once it works again.

    Args:
        spec: of the study.
        tracker: where the trials are recorded.
        out: the terminal.
    """

    def __init__(self, spec: Spec, tracker: Tracker, out: Console) -> None:
        self.spec = spec
        self.tracker = tracker
        self.out = out
        self._trials: Sequence[FrozenTrial] = ()
        self._written: set[int] = set()
        self._not_before = 0.0
        self._complained = False
        self._done = Event()

    def start(self, waits: bool = False) -> None:
        """Make the record of the study, and begin to record its trials.

        Args:
            waits: whether the calling thread does nothing but wait until `stop`. Then the record is
                made in the thread of the recorder, which takes seconds; else in the calling one,
                since two threads must not import the tracker's library at once.
        """
        if not waits:
            self._make()
        self._thread = Thread(target=self._loop, args=(waits,), name="recorder", daemon=True)
        self._thread.start()

    def _make(self) -> None:
        self._try(lambda: self.tracker.start(self.spec))

    def update(self, trials: "Sequence[FrozenTrial]") -> None:
        """Take notice of the trials as they are now."""
        self._trials = trials

    def stop(self) -> None:
        """Record the trials that are left, if the tracker works."""
        self._done.set()
        self._thread.join()
        self._try(self._write_new)

    def _loop(self, makes: bool) -> None:
        if makes:
            self._make()
        while not self._done.wait(EVERY_SECONDS):
            if time.monotonic() > self._not_before:
                self._try(self._write_new)

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # a tracker may raise anything
            self._not_before = time.monotonic() + PATIENCE_SECONDS
            self._complain(error)
        print_news(self.tracker, self.out)

    def _write_new(self) -> None:
        trials = self._trials
        new = [t for t in trials if t.state.is_finished() and t.number not in self._written]
        complete = rows(trials) if new else {}
        stopping = self._done.is_set()
        for trial in new:
            self._write(trial, complete)
            self._written.add(trial.number)
            if self._done.is_set() and not stopping:
                return  # `stop` records the rest

    def _write(self, trial: "FrozenTrial", complete: dict[int, dict[str, Any]]) -> None:
        """Record a trial that ended; of one that has added replicates, the trial that has them.

        Args:
            trial: that ended.
            complete: the rows of the complete trials, by their numbers.
        """
        spec, study = self.spec, Path(self.spec.folder)
        now, number = status(trial), origin(trial).adds_to
        row = complete.get(trial.number if number is None else number)
        if row is not None and now in (Status.COMPLETE, Status.ADDED):
            self.tracker.record(spec, row, study / row["folder"])
        else:
            write_without_result(trial, spec, self.tracker)

    def _complain(self, error: Exception) -> None:
        if self._complained:
            return
        self._complained = True
        line = (
            f"MLflow cannot be written ({one_line(error)[:250]}). The sweep goes on; what is "
            f"missing is written when MLflow is back, or by: "
            f"{command_line('sync', self.spec.name)}"
        )
        print_sentence(line, self.out, style="yellow")
