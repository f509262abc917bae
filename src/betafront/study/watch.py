"""Watching a sweep from the process that launched it: progress for people, a record for MLflow."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from betafront.errors import UserError, one_line
from betafront.front import front
from betafront.front.table import DISTORTION, RATE, text
from betafront.study.ledger import is_met
from betafront.study.records import reason, row, state, table, tally
from betafront.study.replicates import trial_folder
from betafront.study.signals import FINISH, HALT
from betafront.study.spec import Spec
from betafront.study.view import NoView, View

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

EVERY_SECONDS = 1.0  # between two looks at the storage
SHOWN = 6
PATIENCE_SECONDS = 10.0  # between two tries to reach a view that failed


class BusyStudy(UserError):
    """Another process on this machine is sweeping the study, and writes its record."""


@contextmanager
def only_writer(spec: Spec) -> Iterator[None]:
    """Makes this process the one that watches the study and writes its record.

    Raises:
        BusyStudy: another one does.
    """
    folder = Path(spec.folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "watch.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise BusyStudy(
            f"the study {spec.name} is being swept by another process: "
            f"`betafront status {spec.name}` shows how far it is"
        ) from error
    try:
        yield
    finally:
        lock.release()


class Watch:
    """A thread that looks at the storage every second, shows what is new and tells the view.

    In a terminal it keeps one live display; elsewhere it prints a line per finished trial. The view
    may fail (a tracking server is away): that is said once, and stops nothing.

    Args:
        study: to watch.
        spec: of the study.
        view: where finished trials are recorded.
        out: the terminal.
        drain: called once, when the user asks for an end of the sweep.
    """

    def __init__(
        self,
        study: "Study",
        spec: Spec,
        view: View,
        out: Console,
        drain: Callable[[], None] = lambda: None,
    ) -> None:
        self.study = study
        self.spec = spec
        self.view = view
        self.out = out
        self.drain = drain
        self._drained = False
        self._shown: set[int] = set()
        self._written: set[int] = set()
        self._not_before = 0.0
        self._recent: list[str] = []
        self._before = 0
        self._started = time.monotonic()
        self._done = Event()
        self._complaints: set[str] = set()
        self._thread = Thread(target=self._loop, name="watch", daemon=True)
        self._live = Live(console=out, auto_refresh=False) if out.is_terminal else None

    def __enter__(self) -> "Watch":
        trials = self.study.get_trials(deepcopy=False)
        self._before = sum(t.state.is_finished() for t in trials)
        self._tell(lambda: self.view.start(self.spec))
        self._look(quietly=True)
        if self._live:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._not_before = 0.0
        self._look()
        if self._live:
            self._live.stop()

    def _loop(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            try:
                self._hand_on()
                self._look()
            except Exception as error:  # the storage is away for a moment: look again
                self._complain(type(error).__name__, f"the storage does not answer: {error}")

    def _hand_on(self) -> None:
        """Tell the workers, and the user, what a signal asked for."""
        if not FINISH.is_set() or self._drained:
            return
        self.drain()
        self._drained = True
        what = (
            "stopping every trial at its next checkpoint" if HALT.is_set() else
            "finishing the trials that run, and no more; Ctrl-C again stops now"
        )  # fmt: skip
        self.out.print(what, style="yellow")

    def _look(self, quietly: bool = False) -> None:
        trials = self.study.get_trials(deepcopy=False)
        ended = [t for t in trials if state(t) in ("complete", "failed")]
        for trial in ended:
            if trial.number not in self._shown:
                self._shown.add(trial.number)
                self._show(trial, quietly)
        if self._live:
            self._live.update(self._display(trials), refresh=True)
        for trial in ended:
            if trial.number not in self._written and not self._record(trial):
                break  # the rest would fail as well; they are tried at the next look

    def _show(self, trial: "FrozenTrial", quietly: bool) -> None:
        done = state(trial) == "complete"
        line = self._line(trial) if done else f"trial {trial.number:>4}  {reason(trial)}"
        self._recent = [*self._recent, line][-SHOWN:]
        if not self._live and not quietly:
            self.out.print(line, markup=False)

    def _record(self, trial: "FrozenTrial") -> bool:
        spec, folder = self.spec, Path(self.spec.folder) / trial_folder(trial.number)
        if state(trial) == "complete":
            written = self._tell(lambda: self.view.record(spec, row(trial), folder))
        else:
            args = spec, trial.number, trial.params, reason(trial), folder
            written = self._tell(lambda: self.view.failed(*args))
        if written:
            self._written.add(trial.number)
        return written

    def _line(self, trial: "FrozenTrial") -> str:
        r = row(trial)
        chosen = " ".join(text(r[p]) for p in self.spec.space if p != "objective.weight")
        return (
            f"trial {trial.number:>4}  β {r['beta']:<8.3g} D {r[DISTORTION]:>8.2f}  "
            f"R {r[RATE]:>7.2f} nats  {r['seconds']:>5.1f} s  {chosen}"
        )

    def _display(self, trials: "list[FrozenTrial]") -> Group:
        count = tally(trials)
        done = count["complete"] + count["failed"]
        elapsed = time.monotonic() - self._started
        fresh = sum(t.state.is_finished() for t in trials) - self._before
        rate = fresh / elapsed if fresh > 0 else 0.0
        left = f"{(self.spec.trials - done) / rate:.0f} s left" if rate else "starting workers"
        members = len(front(table(trials), self.spec.objectives))
        status = Table.grid(padding=(0, 2))
        status.add_row(
            f"[bold]{self.spec.name}[/]",
            ProgressBar(total=self.spec.trials, completed=done, width=30),
            f"{done}/{self.spec.trials}",
            f"{count['running']} running",
            f"[red]{count['failed']} failed[/]" if count["failed"] else "0 failed",
            f"front {members}",
            f"{60 * rate:.0f}/min" if rate else "",
            left,
        )
        lines = [
            Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._recent
        ]
        return Group(status, *lines)

    def _tell(self, write: Callable[[], None]) -> bool:
        if time.monotonic() < self._not_before:
            return False
        try:
            write()
            return True
        except Exception as error:
            self._not_before = time.monotonic() + PATIENCE_SECONDS
            line = one_line(error)[:150]
            self._complain(
                type(error).__name__,
                f"MLflow cannot be written ({line}). The sweep goes on; what is missing is written "
                f"when MLflow is back, or by `betafront sync {self.spec.name}`.",
            )
            return False

    def _complain(self, kind: str, line: str) -> None:
        if kind not in self._complaints:
            self._complaints.add(kind)
            self.out.print(line, style="yellow", markup=False)


def follow(study: "Study", spec: Spec, out: Console) -> None:
    """Show a sweep that goes on somewhere else until its budget is met; Ctrl-C ends the showing and
    not the sweep."""
    try:
        with Watch(study, spec, NoView(), out):
            while not is_met(Spec.load(study), study.get_trials(deepcopy=False)):
                time.sleep(EVERY_SECONDS)
    except KeyboardInterrupt:
        out.print("the sweep goes on; this only looked at it")
