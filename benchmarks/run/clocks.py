"""Clocks in a sweep's processes, for `overhead.py`.

A sweep whose data comes from `clocks.digits` imports this file in each of its processes before the
first trial is trained, however they were launched. From then on each process appends one line of
JSON per trial to a file in the folder that BETAFRONT_TIMES names: the seconds by the wall and on
the processor, from the end of one claim to the end of the next, by what they were spent on.
"""

import functools
import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

import betafront.metrics
from betafront.config import build, compose
from betafront.data import digits as digits_in_memory
from betafront.study.tracker import thread
from betafront.study.trials import ledger
from betafront.study.worker import worker
from betafront.training.lightning.module import TrainingModule

Seconds = tuple[float, float]  # by the wall, of this thread on the processor


def now() -> Seconds:
    """The two clocks."""
    return time.perf_counter(), time.thread_time()


class Times:
    """Of one trial after the other, in one process."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.spent: dict[str, list[float]] = {}
        self.since = now()

    def begin(self, part: str) -> None:
        """What follows is spent on `part`, until `end`; it is not spent on what is around it."""
        self._add()
        self.stack.append(part)

    def end(self) -> None:
        """What follows is spent on what is around the part."""
        self._add()
        self.stack.pop()

    def _add(self) -> None:
        then, self.since = self.since, now()
        spent = self.spent.setdefault(self.stack[-1] if self.stack else "rest", [0.0, 0.0])
        for i in range(2):
            spent[i] += self.since[i] - then[i]

    def write(self) -> None:
        """The trial is over."""
        self._add()
        append("worker", self.spent)
        self.spent = {}


times = Times()


def append(kind: str, row: dict[str, Any]) -> None:
    """Add a line to this process's file."""
    path = Path(os.environ["BETAFRONT_TIMES"]) / f"{kind}-{os.getpid()}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def clocked(owner: Any, name: str, part: str, done: Callable[[], None] = lambda: None) -> None:
    """From now on, every call of `owner.name` is spent on `part`."""
    call = getattr(owner, name)

    @functools.wraps(call)
    def timed(*args: Any, **kwargs: Any) -> Any:
        times.begin(part)
        try:
            return call(*args, **kwargs)
        finally:
            times.end()
            done()

    setattr(owner, name, timed)


def clock_training() -> None:
    """Training is what Lightning does between its first and its last hook; the rest of its `fit`
    is set-up."""

    def start(self: pl.LightningModule) -> None:
        times.begin("training")

    def end(self: pl.LightningModule) -> None:
        times.end()

    TrainingModule.on_train_start = start  # type: ignore[method-assign]
    TrainingModule.on_train_end = end  # type: ignore[method-assign]


def clock_watch() -> None:
    """One line per trial that the watching process records, in MLflow if that is on."""
    record = thread.Recorder._write

    def timed(*args: Any) -> None:
        before = now()
        try:
            record(*args)
        finally:
            append("watch", {"record": [b - a for a, b in zip(before, now(), strict=True)]})

    thread.Recorder._write = timed  # type: ignore[method-assign]


@functools.cache
def clock() -> None:
    """Every part of a trial; once in a process."""
    clocked(ledger.Ledger, "claim", "claim", done=times.write)
    clocked(compose.Composer, "__call__", "compose")
    clocked(worker, "attempt", "set-up")
    clocked(worker, "tell", "tell")
    clocked(fitting, "write_run", "files")
    clocked(fitting, "on_the_scale", "evaluation")
    clocked(betafront.metrics, "evaluate", "evaluation")
    clocked(build, "save", "files")
    clock_training()
    clock_watch()


def digits(**settings: Any) -> Any:
    """`betafront.data.digits`, in a process whose clocks run from now on."""
    clock()
    return digits_in_memory(**settings)


fitting = importlib.import_module("betafront.training.fitting")
