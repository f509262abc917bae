"""Watching a sweep from the process that launched it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from rich.console import Console
from rich.live import Live
from rich.text import Text

from betafront.errors import UserError, one_line, os_error
from betafront.study.display.lines import news
from betafront.study.display.live import MOST_RECENT, Display
from betafront.study.signals import FINISH, GRACE_SECONDS, HALT
from betafront.study.spec import Spec
from betafront.study.storage.study_store import is_away, with_patience
from betafront.study.tracker.protocol import NoTracker, Tracker
from betafront.study.tracker.thread import Recorder
from betafront.study.trials.queue import is_met
from betafront.study.trials.status import Status, status
from betafront.study.trials.stopping import out_of_budget
from betafront.terminal import command_line

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

EVERY_SECONDS = 1.0  # between two looks at the storage


class BusyStudy(UserError):
    """Another process on this machine is sweeping the study, and writes its record."""


@contextmanager
def only_writer(spec: Spec) -> Iterator[None]:
    """Makes this process the one that watches the study and writes its record.

    Raises:
        BusyStudy: another one does.
        UserError: its folder cannot be written.
    """
    folder = Path(spec.folder)
    lock = FileLock(folder / "watch.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise BusyStudy(
            f"the study {spec.name} is being swept by another process: "
            f"`{command_line('status', spec.name)}` shows how far it is"
        ) from error
    except OSError as error:
        raise UserError(os_error(error)) from error
    try:
        yield
    finally:
        lock.release()


class Watch:
    """A thread that looks at the storage every second, shows what is new and has it recorded.

    In a terminal it keeps one live display; elsewhere it prints a line for each trial that ended.

    Args:
        study: to watch.
        spec: of the study.
        tracker: that records the trials that ended.
        out: the terminal.
        ask: called with "finish" or "halt", once each, when a signal asks the sweep to end; None
            where only this process is to end.
        waits: whether the thread that enters does nothing but wait inside, as for processes that a
            fork server starts: then nothing waits for the record to be made.
    """

    def __init__(
        self,
        study: "Study",
        spec: Spec,
        tracker: Tracker,
        out: Console,
        ask: Callable[[str], None] | None = None,
        waits: bool = False,
    ) -> None:
        self.study = study
        self.spec = spec
        self.out = out
        self.ask = ask
        self.waits = waits
        self._asked: set[str] = set()
        self._shown: set[int] = set()
        self._ended = 0  # how many trials that take budget were shown
        self._recent: list[Text] = []
        self._done = Event()
        self._complaints: set[str] = set()
        self._display = Display()
        self._recorder = Recorder(spec, tracker, out)
        self._thread = Thread(target=self._loop, name="watch", daemon=True)
        self._live = Live(console=out, auto_refresh=False) if out.is_terminal else None

    def __enter__(self) -> "Watch":
        self._look(quietly=True)
        self._recorder.start(self.waits)
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
        try:
            self._thread.join()
            self._look_if_possible()
        finally:
            if self._live:
                self._live.stop()
        self._recorder.stop()

    def _loop(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            self._look_if_possible()

    def _look_if_possible(self) -> None:
        try:
            self._pass_on_signals()
            self._look()
        except Exception as error:  # the next look may succeed
            what = "the storage does not answer" if is_away(error) else "the display failed"
            line = one_line(error.__cause__ or error)[:150]
            self._complain(type(error).__name__, f"{what}, the sweep goes on: {line}")

    def _pass_on_signals(self) -> None:
        """Tell the workers, and the user, what a signal has asked for."""
        asked = "halt" if HALT.is_set() else "finish" if FINISH.is_set() else None
        if asked is None or asked in self._asked:
            return
        if self.ask:
            self.ask(asked)
        self._asked.add(asked)
        if asked == "halt":
            what = f"stopping every trial at its next checkpoint, within {GRACE_SECONDS:.0f} s"
        else:
            whose = "the trials that run" if self.ask else "the trial that runs here"
            what = f"finishing {whose}, and beginning no more; Ctrl-C again stops now"
        self.out.print(what, style="yellow")

    def _look(self, quietly: bool = False) -> None:
        trials = self.study.get_trials(deepcopy=False)
        new = [t for t in trials if t.number not in self._shown and is_news(t)]
        for trial in sorted(new, key=_end):
            self._shown.add(trial.number)
            self._show(trial, quietly)
        if self._live:
            over = self._done.is_set()
            display = self._display.show(self.spec, trials, self._recent, over)
            self._live.update(display, refresh=True)
        self._recorder.update(trials)

    def _show(self, trial: "FrozenTrial", quietly: bool) -> None:
        now, line = status(trial), news(trial, self.spec)
        self._ended += now.counts
        style = "red" if now.failed else "dim"
        shown = Text(line, style=style, no_wrap=True, overflow="ellipsis")
        self._recent = [*self._recent, shown][-MOST_RECENT:]
        if self._live or quietly:
            return
        width = len(str(self.spec.trials))
        place = (
            f"[{self._ended:>{width}}/{self.spec.trials}]" if now.counts else " " * (2 * width + 3)
        )
        self.out.print(f"{place} {line}", markup=False, soft_wrap=True)

    def _complain(self, kind: str, line: str) -> None:
        if kind not in self._complaints:
            self._complaints.add(kind)
            self.out.print(line, style="yellow", markup=False)


def is_news(trial: "FrozenTrial") -> bool:
    """Whether the user is told of a trial: what has become of it is news, or another program has
    ended it."""
    found = status(trial)
    return found.is_news or (found is Status.FOREIGN and trial.state.is_finished())


def _end(trial: "FrozenTrial") -> float:
    return trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0


def follow(study: "Study", spec: Spec, out: Console) -> None:
    """Show a sweep that other processes work at, until its budget is met or its time is up. Ctrl-C
    ends the display and not the sweep."""
    try:
        with Watch(study, spec, NoTracker(), out) as watch:
            while True:
                trials = with_patience(lambda: study.get_trials(deepcopy=False))
                if is_met(watch.spec, trials) or out_of_budget(watch.spec, trials):
                    return
                time.sleep(EVERY_SECONDS)
                # Another command may have changed the budget.
                watch.spec = replace(with_patience(lambda: Spec.load(study)), folder=spec.folder)
    except KeyboardInterrupt:
        out.print("The sweep goes on; this only looked at it.")
