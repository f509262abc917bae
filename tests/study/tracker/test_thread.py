"""The record of a study, told to views that fail, hang, and come back."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import Any

import pytest
from optuna.trial import TrialState
from rich.console import Console
from tests.study.display.test_watch import Trials, a_console, said, spec_of
from tests.support.patience import PATIENCE

from betafront.study.display.watch import Watch
from betafront.study.spec import Spec
from betafront.study.tracker import thread as recorder
from betafront.study.tracker.protocol import NoTracker
from betafront.study.tracker.publish import in_words, write_record, write_record_if_possible
from betafront.study.trials.status import REASON


class Fake(NoTracker):
    """Remembers what it was told; does as it is told before that."""

    def __init__(self, first: Callable[[], None] = lambda: None) -> None:
        self.first = first
        self.told: list[int] = []
        self.finished = 0

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        self.first()
        self.told.append(row["trial"])

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        self.first()
        self.told.append(number)

    def finish(self, *_: Any) -> None:
        self.first()
        self.finished += 1

    def written(self) -> set[int]:
        return set(self.told)


@pytest.fixture
def trials() -> Trials:
    return Trials()


@pytest.fixture
def out() -> Console:
    return a_console()


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def away() -> None:
    raise ConnectionError("nobody is there")


def test_a_view_that_hangs_holds_up_nothing(trials: Trials, out: Console) -> None:
    asked, back = Event(), Event()

    def hang() -> None:
        asked.set()
        back.wait()

    view, drained = Fake(hang), Event()
    with Watch(trials.study, spec_of(), view, out, lambda _: drained.set()):
        trials.add()
        wait_for(asked.is_set)
        trials.add()
        trials.add(TrialState.FAIL, **{REASON: "diverged: at step 3"})
        wait_for(lambda: "3/20" in out.export_text(clear=False))
        assert view.told == []
        back.set()
    assert view.told == [0, 1, 2]


@pytest.mark.parametrize("waits", [True, False])
def test_the_record_is_made_in_a_thread_of_its_own_where_the_caller_only_waits(
    waits: bool, trials: Trials, out: Console
) -> None:
    makers: list[Thread] = []

    class Noting(Fake):
        def start(self, spec: Spec) -> None:
            makers.append(current_thread())

    view = Noting()
    with Watch(trials.study, spec_of(), view, out, waits=waits):
        trials.add()
    assert [maker is main_thread() for maker in makers] == [not waits]
    assert view.told == [0]


def test_a_view_that_fails_is_complained_of_once_and_told_all_of_it_when_it_is_back(
    trials: Trials, out: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PATIENCE_SECONDS", 0.0)
    view, tries = Fake(), []

    def away_at_first() -> None:
        tries.append(1)
        if len(tries) < 3:
            away()

    view.first = away_at_first
    with Watch(trials.study, spec_of(), view, out):
        trials.add()
        trials.add()
        wait_for(lambda: view.told == [0, 1])
    shown = " ".join(said(out).split())
    assert shown.count("MLflow cannot be written (nobody is there)") == 1
    assert view.told == [0, 1]


def test_the_whole_record_is_told_without_a_sweep(trials: Trials) -> None:
    trials.add()
    trials.add(TrialState.FAIL, **{REASON: "diverged: at step 3"})
    trials.add(TrialState.RUNNING)
    view = Fake()
    write_record(trials.study, spec_of(), view)
    assert view.told == [0, 1]
    assert view.finished == 1


def test_what_the_record_lacks_is_named_with_the_way_out(trials: Trials, out: Console) -> None:
    for _ in range(4):
        trials.add()
    view = Fake()
    view.told = [1]
    view.first = away
    write_record_if_possible(trials.study, spec_of(name="s"), view, out)
    shown = " ".join(said(out).split())
    assert "The record in MLflow is not complete: nobody is there." in shown
    assert "lacks trials 0, 2-3 and the front. What is missing is written by" in shown
    assert "betafront sync s" in shown
    view.told = [0, 1, 2, 3]
    write_record_if_possible(trials.study, spec_of(name="s"), view, out)
    assert "lacks the front." in " ".join(said(out).split())


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([], ""), ([3], "3"), ([0, 1, 2, 5, 7, 8], "0-2, 5, 7-8"), ([1, 3], "1, 3")],
)
def test_numbers_that_follow_one_another_are_written_together(
    numbers: list[int], words: str
) -> None:
    assert in_words(numbers) == words
