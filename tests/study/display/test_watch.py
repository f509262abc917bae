"""What people see of a sweep, from trials that were made for it."""

import io
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from tests.study.conftest import a_spec

from betafront.study.display import failures, watch
from betafront.study.display.live import MOST_RUNNING, Display
from betafront.study.display.watch import Watch, follow
from betafront.study.signals import FINISH, HALT
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import NoTracker
from betafront.study.trials import pace
from betafront.study.trials.lease import LEASE, Worker
from betafront.study.trials.ours import IMPORTED, ORIGIN, RECORD, trial_folder
from betafront.study.trials.status import OVER_BUDGET, REASON, RELEASED
from betafront.training.standing import Standing

WEIGHTS = FloatDistribution(0.001, 10)
SCHEDULES = CategoricalDistribution(["constant", "linear"])
NOW = 1_800_000_000.0


def spec_of(**more: Any) -> Spec:
    """A study of the trade-off, one of whose parameters is there for one schedule alone."""
    space = {
        "objective.weight": "interval(0.001, 10)",
        "schedule": "choice(constant, linear)",
        "schedule.warmup": "interval(0.001, 10)",
    }
    return a_spec(
        **{
            "name": "weighting-digits", "space": space, "trials": 20, "reference": [40.0, 60.0],
            "objectives": {"val/rate": "minimize", "val/distortion": "minimize"},
        }
        | more
    )  # fmt: skip


class Trials:
    """A study in memory, and the trials in it."""

    def __init__(self) -> None:
        self.study = optuna.create_study(directions=["minimize"] * 2)
        self.study.set_user_attr("betafront", spec_of().__dict__)

    def add(
        self,
        state: TrialState = TrialState.COMPLETE,
        params: dict[str, Any] | None = None,
        ago: float = 60.0,
        took: float = 10.0,
        **attrs: Any,
    ) -> int:
        """Add a trial that began some seconds ago; returns its number."""
        params = {"objective.weight": 0.5, "schedule": "constant"} if params is None else params
        number = len(self.study.get_trials(deepcopy=False))
        done = state == TrialState.COMPLETE
        attrs.setdefault(LEASE, {"until": 0.0})
        if done:
            record = attrs.setdefault(RECORD, a_record())
            record["folder"] = trial_folder(number)
        trial = optuna.create_trial(
            state=state,
            params=params,
            distributions={k: SCHEDULES if k == "schedule" else WEIGHTS for k in params},
            values=[1.0, 2.0] if done else None,
            user_attrs=attrs,
        )
        trial.datetime_start = datetime.now() - timedelta(seconds=ago)
        ended = trial.datetime_start + timedelta(seconds=took)
        trial.datetime_complete = ended if state.is_finished() else None
        self.study.add_trial(trial)
        return number

    def running(self, number: int = 0, host: str | None = None, **attrs: Any) -> int:
        """Add a trial that a worker of this process, or of another host, trains."""
        worker = Worker.here(number)
        lease = worker.lease(attrs.pop("progress", None))
        if host:
            lease |= {"host": host, "machine": host, "until": time.time() + 60}
        return self.add(TrialState.RUNNING, **{LEASE: lease, **attrs})

    @property
    def all(self) -> list[optuna.trial.FrozenTrial]:
        return self.study.get_trials(deepcopy=False)


@pytest.fixture
def trials() -> Trials:
    return Trials()


@pytest.fixture(autouse=True)
def no_signal() -> None:
    FINISH.clear()
    HALT.clear()


def a_record(rate: float = 5.0, distortion: float = 20.0, **more: Any) -> dict[str, Any]:
    metrics = {"val/rate": rate, "val/distortion": distortion, "val/mse": 0.0786}
    scale = {"beta": 0.0297, "beta_norm": 0.1}
    return {"metrics": metrics, "scale": scale, "seconds": 2.1, "folder": "trial-0000"} | more


def a_console(width: int = 100, terminal: bool = False) -> Console:
    """A terminal of this width, or a file."""
    return Console(
        file=io.StringIO(), width=width, height=40, force_terminal=terminal, record=True,
        highlight=False,
    )  # fmt: skip


def said(out: Console) -> str:
    return out.export_text()


def shown(trials: Trials, spec: Spec | None = None, width: int = 100, **more: Any) -> str:
    out = a_console(width)
    out.print(
        Display().show(spec or spec_of(), trials.all, [Text("x" * 200, no_wrap=True)], **more)
    )
    return said(out)


def lines(trials: Trials, then: Callable[[], None], **more: Any) -> list[str]:
    """What is said where there is no terminal, of what happens in `then`."""
    out = a_console()
    with Watch(trials.study, spec_of(**more), NoTracker(), out):
        then()
    return said(out).splitlines()


STEP = {"step": 1200.0, "steps": 2000.0, "distortion": 14.2, "rate": 6.51}


@pytest.mark.parametrize("width", [100, 80])
def test_sixteen_workers_fit_the_terminal(trials: Trials, width: int) -> None:
    for number in range(16):
        trials.running(number, progress=STEP, host="a-host-with-a-very-long-name.example.org")
    found = shown(trials, spec_of(name="a" * 60), width).splitlines()
    assert max(map(cell_len, found)) <= width
    assert len(found) == 2 + 1 + MOST_RUNNING + 1 + 1
    assert "… and 8 more" in found
    assert "16 running" in found[1]
    # What is cut is never a number.
    for line in found[3 : 3 + MOST_RUNNING]:
        assert "1200/2000  14.20  6.51  1:00" in line


def test_a_row_says_who_how_far_and_with_what(trials: Trials) -> None:
    trials.running(3, progress=STEP)
    linear = {"objective.weight": 0.5, "schedule": "linear", "schedule.warmup": 0.25}
    trials.running(1, params=linear, host="far.example.org")
    head, one, other = shown(trials).splitlines()[2:5]
    assert head.split() == ["trial", "worker", "step", "D", "R", "time", "parameters"]
    assert one.split() == ["0", "3", "1200/2000", "14.20", "6.51", "1:00", "weight=0.5", "constant"]
    assert other.split() == [
        "1", "1", "far", "starting", "1:00", "weight=0.5", "linear", "warmup=0.25"
    ]  # fmt: skip


def test_what_is_particular_about_an_attempt_is_said(trials: Trials) -> None:
    trials.running(progress=STEP | {"replicate": 2.0, "replicates": 3.0})
    trials.running(progress=STEP | {"replicate": 2.0, "replicates": 3.0, "at_once": 2.0})
    trials.running(**{ORIGIN: {"first": 0, "before": 0, "retry": 1}})
    trials.running(**{ORIGIN: {"first": 0, "before": 1}})
    trials.running(**{ORIGIN: {"first": 0, "tops": 0, "replicates": 5}})
    found = shown(trials, spec_of(replicates=3)).splitlines()[3:8]
    notes = ["replicate 2/3", "replicates 2-3/3", "retry 1", "goes on from 1", "more of trial 0"]
    for line, note in zip(found, notes, strict=True):
        assert f"{note}  weight=0.5" in line


def test_the_bar_counts_what_the_budget_counts(trials: Trials) -> None:
    trials.add()
    trials.add(**{RECORD: a_record(rate=2.0, distortion=30.0)})
    trials.add(TrialState.FAIL, **{REASON: "diverged: at step 3"})
    trials.add(TrialState.FAIL)  # lost
    trials.add(TrialState.FAIL, **{REASON: OVER_BUDGET})
    trials.add(**{IMPORTED: {"study": "other", "number": 0}})
    first, second = shown(trials).splitlines()[:2]
    assert first.startswith("weighting-digits ")
    assert " 3/20 " in first
    # (40 - 5)(60 - 20) + (40 - 2)(60 - 30) - (40 - 5)(60 - 30), by hand.
    assert second == "waiting for workers  1 failed  2 on the front  hypervolume 1490"


def test_while_replicates_are_added_the_bar_counts_those(trials: Trials) -> None:
    runs = {"replicates": [a_record()] * 3}
    for _ in range(2):
        trials.add()
    trials.add(**{RECORD: a_record(**runs), ORIGIN: {"first": 0, "tops": 0, "replicates": 3}})
    first = shown(trials, spec_of(trials=2, replicates=3)).splitlines()[0]
    assert " 1/2 with all replicates" in first


def test_the_end_promises_nothing(trials: Trials) -> None:
    trials.add()
    found = shown(trials, over=True)
    assert "waiting" not in found
    assert "left" not in found
    assert "left" in shown(trials)


def test_the_pace_counts_parts_of_running_trials_and_no_pauses(trials: Trials) -> None:
    def of(*found: tuple[float, float, float]) -> float:
        """Trials that began and ended so many seconds ago, and which part of them is done."""
        trials = Trials()
        for ago, took, part in found:
            if part == 1.0:
                trials.add(ago=ago, took=took)
            else:
                trials.running(ago=ago, progress=STEP | {"step": 2000 * part})
        return pace.pace(trials.all, time.time())

    assert of() == 0.0
    assert of((10, 10, 1.0)) == pytest.approx(0.1, rel=0.05)
    assert of((10, 0, 0.5)) == pytest.approx(0.05, rel=0.05)
    assert of((10, 10, 1.0), (10, 10, 1.0)) == pytest.approx(0.2, rel=0.05)
    # Five minutes in which nothing ran are no slow trial.
    assert of((310, 10, 1.0), (10, 10, 1.0)) == pytest.approx(0.1, rel=0.05)
    # What was hours ago was perhaps on other machines.
    assert of((9000, 1, 1.0), (10, 10, 1.0)) == pytest.approx(0.1, rel=0.05)


def test_what_is_left_takes_the_pace_of_what_was_done(trials: Trials) -> None:
    assert pace.seconds_left(trials.all, 5, time.time()) == float("inf")
    trials.add(ago=20, took=10)
    trials.running(ago=10, progress=STEP | {"step": 1000.0})
    # 1.5 trials in 20 s, and 4.5 to go.
    assert pace.seconds_left(trials.all, 5, time.time()) == pytest.approx(60.0, rel=0.05)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7, "7 s"), (99, "99 s"), (150, "2 min"), (7200, "2.0 h"), (200_000, "2.3 days")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert pace.duration(seconds) == words


def test_without_a_terminal_each_end_is_one_line(trials: Trials) -> None:
    trials.add()  # before this process: it is not news

    def then() -> None:
        trials.add(params={"objective.weight": 0.5, "schedule": "linear", "schedule.warmup": 0.25})
        trials.add(TrialState.FAIL, ago=40, **{REASON: "diverged: NaN at step 3 " + "long " * 40})
        trials.add(TrialState.FAIL, ago=30)
        trials.add(TrialState.FAIL, ago=20, **{RELEASED: True})
        trials.add(TrialState.FAIL, ago=20, **{REASON: OVER_BUDGET})
        trials.add(ago=15, **{IMPORTED: {"study": "other", "number": 0}})

    found = lines(trials, then)
    assert found[0] == (
        "[ 2/20] trial    1  β 0.0297   D    20.00  R    5.00 nats    2.1 s  linear warmup=0.25"
    )
    assert found[1].startswith("[ 3/20] trial    2  diverged: NaN at step 3 long long")
    assert found[2] == "        trial    3  was lost with its worker; it is tried again"
    assert found[3] == "        trial    4  was stopped before its end; it is taken up again"
    assert len(found) == 4


def test_more_replicates_of_a_trial_are_a_line_of_that_trial(trials: Trials) -> None:
    trials.add()

    def then() -> None:
        more = a_record(replicates=[a_record()] * 5)
        tops = {"first": 0, "tops": 0, "replicates": 5}
        trials.add(**{RECORD: more, ORIGIN: tops})
        trials.add(TrialState.FAIL, ago=5, **{REASON: "diverged: at step 3", ORIGIN: tops})

    found = lines(trials, then)
    assert found[0].startswith("        trial    0  β 0.0297")
    assert found[0].endswith("constant  (5 replicates)")
    assert found[1] == "        trial    2  more replicates of trial 0 diverged: at step 3"


def test_other_objectives_are_in_the_line(trials: Trials) -> None:
    objectives = {"val/rate": "minimize", "val/mse": "minimize"}
    found = lines(trials, lambda: trials.add() and None, objectives=objectives)
    assert "nats  mse 0.0786 " in found[0]


def test_how_a_run_stands_is_told_where_it_is_not_settled(trials: Trials) -> None:
    def of(state: str) -> dict[str, Any]:
        return a_record(standing=Standing(state, "", 800, 800, "last").written())

    def then() -> None:
        trials.add(**{RECORD: of("settled")})
        trials.add(**{RECORD: of("still falling")})

    first, second = lines(trials, then)
    assert first.endswith("  constant")
    assert second.endswith("  constant  still falling")
    trials.add()  # as an earlier version recorded it
    assert shown(trials).splitlines()[1].endswith("hypervolume 1400  1 of 3 settled")


def test_a_terminal_is_left_clean(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.01)
    out = a_console(terminal=True)
    with pytest.raises(KeyboardInterrupt), Watch(trials.study, spec_of(), NoTracker(), out):
        trials.add()
        raise KeyboardInterrupt
    raw = out.file.getvalue()  # type: ignore[attr-defined]
    assert "trial    0" in raw
    assert raw.rindex("\x1b[?25h") > raw.rindex("\x1b[?25l")  # the cursor is back


def test_a_storage_that_is_away_is_said_once_and_stops_nothing(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.01)
    out = a_console()
    with Watch(trials.study, spec_of(), NoTracker(), out) as watching:
        monkeypatch.setattr(watching, "study", None)
        time.sleep(0.2)
    assert said(out).count("the sweep goes on") == 1


@pytest.mark.parametrize(
    ("halt", "joined", "words"),
    [
        (False, False, "finishing the trials that run, and beginning no more; Ctrl-C again"),
        (False, True, "finishing the trial that runs here, and beginning no more; Ctrl-C again"),
        (True, False, "stopping every trial at its next checkpoint, within 25 s"),
    ],
)
def test_what_a_signal_asked_for_is_said_and_handed_on_once(
    trials: Trials, monkeypatch: pytest.MonkeyPatch, halt: bool, joined: bool, words: str
) -> None:
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.01)
    asked: list[str] = []
    out = a_console()
    with Watch(trials.study, spec_of(), NoTracker(), out, None if joined else asked.append):
        FINISH.set()
        if halt:
            HALT.set()
        time.sleep(0.2)
    assert words in said(out)
    assert asked == ([] if joined else ["halt" if halt else "finish"])


def test_following_ends_with_the_budget_and_not_with_the_sweep(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials.add()
    out = a_console()
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.01)
    met = spec_of(trials=1)
    trials.study.set_user_attr("betafront", met.__dict__)
    follow(trials.study, met, out)  # returns

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", interrupted)
    follow(trials.study, spec_of(trials=2), out)
    assert "The sweep goes on; this only looked at it." in said(out)


def failed(trials: Trials, *reasons: str) -> str:
    for reason in reasons:
        trials.add(TrialState.FAIL, **{REASON: reason})
    out = a_console()
    failures.print_failures(trials.all, spec_of(folder="runs/s"), out)
    return said(out)


def test_no_failure_is_no_table(trials: Trials) -> None:
    trials.add()
    trials.add(TrialState.FAIL)  # lost, and to be tried again
    assert failed(trials) == ""


def test_failures_stand_by_their_reason_with_log_and_advice(trials: Trials, own_place: Any) -> None:
    (own_place / "runs/s/trial-0002/replicate-1").mkdir(parents=True)
    (own_place / "runs/s/trial-0002/run.log").touch()
    (own_place / "runs/s/trial-0002/replicate-1/run.log").touch()
    trials.add()
    found = failed(
        trials, "timed out: at step 3", "diverged: NaN at step 1", "diverged: NaN at step 2"
    )
    assert found.splitlines()[0] == "3 of 4 trials failed: 2 diverged, 1 timed out"
    # The most frequent first; reasons that differ in a number are one.
    assert found.index("diverged: NaN at step 1") < found.index("timed out: at step 3")
    assert "diverged: NaN at step 2" not in found
    assert "trial    2  runs/s/trial-0002/replicate-1/run.log  weight=0.5 constant" in found
    assert "trial    3  runs/s/workers/*/run.log" in found  # it came to no log of its own
    assert "a larger study.budget.trial_seconds lets it finish" in found
    assert "betafront train --trial 1 --study weighting-digits" in found
    assert max(map(cell_len, found.splitlines())) <= 100


def test_many_failures_are_summed_up(trials: Trials) -> None:
    found = failed(trials, *["out of memory: RuntimeError"] * 30, *["stale: lost"] * 2)
    assert "32 of 32 trials failed: 30 out of memory, 2 stale" in found
    assert "and 27 more: trials 3, 4, 5," in found
    assert len(found.splitlines()) < 16


def test_replicates_that_failed_are_no_failed_trial(trials: Trials) -> None:
    trials.add()
    trials.add(
        TrialState.FAIL,
        **{REASON: "diverged: NaN", ORIGIN: {"first": 0, "tops": 0, "replicates": 3}},
    )
    found = failed(trials)
    assert "All trials have a result, and 1 time more replicates of one: 1 diverged" in found
    assert "trial    1 for trial 0" in found
