"""Watching a sweep from the process that launched it: progress for people, a record for MLflow."""

import time
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from betafront.front import front
from betafront.front.table import DISTORTION, RATE
from betafront.study.records import reason, row, state, table, tally
from betafront.study.spec import Spec
from betafront.study.view import View

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

EVERY_SECONDS = 1.0
SHOWN = 6


class Watch:
    """A thread that looks at the storage every second, shows what is new and tells the view.

    In a terminal it keeps one live display; elsewhere it prints a line per finished trial. The view
    may fail (a tracking server is away): that is said once, and stops nothing.

    Args:
        study: to watch.
        spec: of the study.
        view: where finished trials are recorded.
        out: the terminal.
    """

    def __init__(self, study: "Study", spec: Spec, view: View, out: Console) -> None:
        self.study = study
        self.spec = spec
        self.view = view
        self.out = out
        self._seen: set[int] = set()
        self._recent: list[str] = []
        self._before = 0
        self._started = time.monotonic()
        self._done = Event()
        self._complaint: str | None = None
        self._thread = Thread(target=self._loop, name="watch", daemon=True)
        self._live = Live(console=out, auto_refresh=False) if out.is_terminal else None

    def __enter__(self) -> "Watch":
        trials = self.study.get_trials(deepcopy=False)
        self._before = sum(t.state.is_finished() for t in trials)
        self._tell(self.view.start, self.spec)
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
        self._look()
        if self._live:
            self._live.stop()

    def _loop(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            try:
                self._look()
            except Exception as error:  # the storage is away for a moment: look again
                self._complain(f"the storage does not answer: {error}")

    def _look(self, quietly: bool = False) -> None:
        trials = self.study.get_trials(deepcopy=False)
        for trial in trials:
            if trial.state.is_finished() and trial.number not in self._seen:
                self._seen.add(trial.number)
                self._show(trial, quietly)
        if self._live:
            self._live.update(self._display(trials), refresh=True)

    def _show(self, trial: "FrozenTrial", quietly: bool) -> None:
        found = state(trial)
        if found is None:
            return
        if found == "complete":
            line = self._line(trial)
            folder = Path(self.spec.folder) / str(row(trial)["folder"])
            self._tell(self.view.record, self.spec, row(trial), folder)
        else:
            line = f"trial {trial.number:>4}  {found}: {reason(trial)}"
            self._tell(self.view.failed, self.spec, trial.number, reason(trial))
        self._recent = [*self._recent, line][-SHOWN:]
        if not self._live and not quietly:
            self.out.print(line, markup=False)

    def _line(self, trial: "FrozenTrial") -> str:
        r = row(trial)
        chosen = " ".join(str(r[p]) for p in self.spec.space if p != "objective.weight")
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

    def _tell(self, method, *args) -> None:  # type: ignore[no-untyped-def]
        try:
            method(*args)
        except Exception as error:
            line = " ".join(str(error).split())[:200]
            self._complain(
                f"MLflow was not written ({type(error).__name__}: {line}); the sweep goes on, and "
                f"`betafront sync {self.spec.name}` writes it later"
            )

    def _complain(self, line: str) -> None:
        if self._complaint != line:
            self._complaint = line
            self.out.print(f"[yellow]{line}[/]")
