"""The live display of a sweep: how far it is, which trials run, and which ended last. It never
wraps, and has no more rows than a small terminal."""

import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from betafront.front import front, hypervolume
from betafront.front.curves import trials_of
from betafront.front.show.standings import counts
from betafront.study.display.lines import chosen
from betafront.study.results.table import table
from betafront.study.spec import Spec
from betafront.study.trials.lease import lease_of, progress
from betafront.study.trials.origin import origin
from betafront.study.trials.pace import clock, duration, pace, seconds_left
from betafront.study.trials.status import OF_OTHERS, finished, numbers_by_word, status
from betafront.study.trials.steps import most_trials, used_in_words
from betafront.training.standing import SETTLED

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

MOST_RUNNING = 8  # rows of running trials
MOST_RECENT = 6  # rows of trials that ended
BAR = 24  # columns


class Front:
    """The front so far, worked out again only after another trial has ended.

    Attributes:
        rows: the points of the complete trials.
        words: how many trials are on the front, its hypervolume, and how many trials are settled.
    """

    def __init__(self) -> None:
        self._ended = -1  # how many trials had ended when the front was last worked out
        self.rows = pd.DataFrame()
        self.words = "no front yet"

    def update(self, spec: Spec, trials: "Sequence[FrozenTrial]") -> None:
        """Take in the trials as they are now."""
        ended = sum(t.state.is_finished() for t in trials)
        if ended == self._ended:
            return
        self._ended, self.rows = ended, table(trials, spec.objectives)
        members = front(self.rows, spec.objectives)
        if members.empty:
            return
        self.words = f"{len(members)} on the front"
        if spec.reference:
            volume = hypervolume(self.rows, spec.objectives, spec.reference)
            self.words += f"  hypervolume {volume:.5g}"
        if known := counts(self.rows):
            self.words += f"  {known.get(SETTLED, 0)} of {len(self.trials)} settled"

    def lacking_replicates(self, spec: Spec) -> int:
        """How many trials have fewer replicates than the study asks for now."""
        if self.rows.empty:
            return 0
        return int((self.trials["replicates"] < spec.replicates).sum())

    @property
    def trials(self) -> pd.DataFrame:
        """A row of each complete trial."""
        return trials_of(self.rows)


class Display:
    """Turns the trials of a study into what a terminal shows."""

    def __init__(self) -> None:
        self._front = Front()

    def show(
        self, spec: Spec, trials: "list[FrozenTrial]", recent: Sequence[Text], over: bool = False
    ) -> Group:
        """The display at this moment.

        Args:
            spec: of the study.
            trials: all of the study.
            recent: a line for each of the trials that ended last.
            over: whether the sweep has ended, and the display stays in the terminal.
        """
        now = time.time()
        self._front.update(spec, trials)
        running = [t for t in trials if status(t, now).runs]
        rows: list[Table | Text] = [
            self._bar(spec, trials, now, over),
            self._numbers(spec, trials, now, over),
        ]
        if running:
            rows.append(running_table(spec, running[:MOST_RUNNING], now))
        if len(running) > MOST_RUNNING:
            rows.append(Text(f"… and {len(running) - MOST_RUNNING} more", style="dim"))
        return Group(*rows, *recent[-MOST_RECENT:])

    def _bar(self, spec: Spec, trials: "list[FrozenTrial]", now: float, over: bool) -> Table:
        """The study's name, how much is done, how fast it goes and how long the rest takes."""
        done, lacking = finished(trials), self._front.lacking_replicates(spec)
        todo, unit = max(spec.trials - done, 0), ""
        if not todo and lacking:  # the budget is full, and only replicates are added
            done, todo, unit = len(self._front.trials) - lacking, lacking, " with all replicates"
        most = min(todo, most_trials(trials, spec))
        speed, left = pace(trials, now), seconds_left(trials, most, now)
        cells = Table.grid(padding=(0, 2, 0, 0))
        cells.add_column(no_wrap=True, overflow="ellipsis", max_width=30)
        cells.add_column(width=BAR)
        for _ in range(3):
            cells.add_column(no_wrap=True, overflow="ellipsis")
        cells.add_row(
            Text(spec.name, style="bold"),
            ProgressBar(total=done + todo, completed=done, width=BAR),
            f"{done}/{done + todo}{unit}",
            f"{60 * speed:.2g}/min" if speed else "",
            f"{duration(left)} left" if todo and left < float("inf") and not over else "",
        )
        return cells

    def _numbers(self, spec: Spec, trials: "list[FrozenTrial]", now: float, over: bool) -> Text:
        """How many trials run and how many failed, and the front so far."""
        count = numbers_by_word(trials, now)
        line = Text(no_wrap=True, overflow="ellipsis")
        if count["running"]:
            line.append(f"{count['running']} running  ")
        elif not over:
            line.append("waiting for workers  ", style="yellow")
        line.append(f"{count['failed']} failed", style="red" if count["failed"] else "")
        line.append(f"  {count['pruned']} pruned" if count["pruned"] else "")
        if used := used_in_words(trials, spec):
            line.append(f"  {used}")
        for word in OF_OTHERS:
            line.append(f"  {count[word]} {word}" if count[word] else "", style="yellow")
        return line.append(f"  {self._front.words}")


def running_table(spec: Spec, running: "Sequence[FrozenTrial]", now: float) -> Table:
    """The trials that run, a row each. In a narrow terminal the parameters are cut."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("trial", "worker", "step", "D", "R", "time"):
        shown.add_column(name, justify="left" if name == "worker" else "right", no_wrap=True)
    shown.add_column("parameters")  # the only column that rich may narrow
    for trial in running:
        started = trial.datetime_start.timestamp() if trial.datetime_start else now
        words = Text(note(trial), style="yellow", no_wrap=True, overflow="ellipsis")
        words.append(chosen(spec, trial.params), style="default")
        shown.add_row(
            str(trial.number), worker(trial), *_figures(trial), clock(now - started), words
        )
    return shown


def worker(trial: "FrozenTrial") -> str:
    """Who trains a trial: the worker's number, and its host where that is another."""
    lease = lease_of(trial)
    if lease is None:
        return "?"
    number, host = lease["name"].partition("-")[0], lease["host"].partition(".")[0]
    return number if lease["host"] == socket.gethostname() else f"{number} {host[:12]}"


def note(trial: "FrozenTrial") -> str:
    """What an attempt is, where it is no first attempt: a retry, one of several replicates, more
    replicates of another trial, or a run that confirms a decision."""
    why, now = origin(trial), progress(trial)
    words = []
    if why.before is not None:
        words.append(f"retry {why.retry}" if why.retry else f"goes on from {why.before}")
    if why.adds_to is not None:
        words.append(f"more of trial {why.adds_to}")
    if why.confirms is not None:
        words.append(f"confirms trial {why.confirms.trial}")
    if now.get("replicates", 1) > 1:
        first, runs = int(now["replicate"]), int(now["replicates"])
        last = first + int(now.get("at_once", 1)) - 1
        which = f"replicate {first}" if last == first else f"replicates {first}-{last}"
        words.append(f"{which}/{runs}")
    return ", ".join(words) + "  " if words else ""


def _figures(trial: "FrozenTrial") -> tuple[str, str, str]:
    """The step, and D and R in nats."""
    now = progress(trial)
    if "step" not in now:
        return "starting", "", ""
    step = f"{now['step']:.0f}/{now['steps']:.0f}"
    return step, f"{now['distortion']:.2f}", f"{now['rate']:.2f}"
