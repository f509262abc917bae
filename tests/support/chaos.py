"""A sweep under fire: its workers and commands are killed at random moments, its database is
stopped, whatever is gone is started again; and in the end every trial must be there once.

    python -m tests.support.chaos --trials 200 --kills 20 --repeat 5 --storage sqlite

prints one line of counts per repetition. All goes through the command line, in processes of their
own.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psutil
from tests.support.patience import PATIENCE
from tests.support.slow import slowly
from tests.support.warm import SERVER, WarmProcess, WarmPython

from betafront.study.seeds import run_seed
from betafront.study.storage.opening import load_study, open_storage
from betafront.study.trials.lease import LEASE
from betafront.study.trials.origin import first_attempt, origin
from betafront.study.trials.ours import RECORD
from betafront.study.trials.replicates import run_folder
from betafront.study.trials.status import RELEASED, Status, status
from betafront.training.folder import RunFolder

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from tests.support.engines import RayCluster

NAME = "chaos"
WORKERS = 4
RUN_LOG = "run.log"
STOPPED_SECONDS = 10.0
TICK_SECONDS = 0.1
MOST_RAISED = (
    3  # times that a sweep gets more to do, since it was done before all that shall happen
)
CHECKPOINT_SECONDS = 5.0
Event = Callable[[], bool]
"""Does something to a sweep, if it can be done now, and says whether it was."""
TOOK_OVER = re.compile(r"trial (\d+) (goes on from the checkpoint|has the result) of trial (\d+)$")


class Server(Protocol):
    """A database that can be stopped."""

    def stop(self, mode: str = ...) -> None: ...

    def start(self) -> None: ...


class Launch(ABC):
    """A way to have some workers.

    Attributes:
        further: names of methods that do something to the sweep that only this launch knows, each
            once at a random moment: `method(chaos)` says whether it could be done now.
        early: names of such methods that come before all others.
    """

    further: tuple[str, ...] = ()
    early: tuple[str, ...] = ()

    def spares(self, worker: psutil.Process) -> bool:
        """Whether a worker is not to be killed, since something else is to happen to it."""
        return False

    @abstractmethod
    def commands(self, sweep: Sequence[str]) -> dict[str, list[str]]:
        """The commands that shall run until the budget is met, by a name for each; `sweep` first.

        Args:
            sweep: the arguments that all ways share.
        """

    @abstractmethod
    def workers(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        """Those of the sweep's processes that train."""


class Joblib(Launch):
    """Four processes of the joblib launcher, which kills the others where one dies."""

    def commands(self, sweep: Sequence[str]) -> dict[str, list[str]]:
        return {"sweep": [*sweep, "hydra/launcher=joblib", f"study.workers={WORKERS}"]}

    def workers(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        return [p for p in processes if any("popen_loky" in word for word in _words(p))]


class Processes(Launch):
    """Four forked processes of this machine; a killed one is started again."""

    def commands(self, sweep: Sequence[str]) -> dict[str, list[str]]:
        return {"sweep": [*sweep, "hydra/launcher=processes", f"study.workers={WORKERS}"]}

    def workers(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        """Those that another one has forked and that have forked none: also the process that forks
        them, while it has none."""
        parents: dict[int, int] = {}
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                parents[process.pid] = process.ppid()
        forked = {p for p, parent in parents.items() if parent in parents} - {*parents.values()}
        return [process for process in processes if process.pid in forked]


class Joined(Launch):
    """A worker in the process of the sweep itself (the basic launcher), and three that join it."""

    def commands(self, sweep: Sequence[str]) -> dict[str, list[str]]:
        joined = {f"joined-{n}": ["worker", NAME] for n in range(1, WORKERS)}
        return {"sweep": [*sweep, "hydra/launcher=basic", "study.workers=1"]} | joined

    def workers(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        return [p for p in processes if SERVER in _words(p)]


@dataclass(frozen=True)
class Slurm(Launch):
    """Three jobs of an array on a Slurm that runs already (`.ci/slurm start`); one is cancelled,
    one is queued again by Slurm, and the time of one is up, of which it has more after that."""

    further = ("cancel", "preempt", "give_time")
    early = ("time_out",)  # which Slurm looks for every minute or so, while others still train
    limited: list[str] = field(default_factory=list)

    def spares(self, worker: psutil.Process) -> bool:
        return _job(worker) in self.limited

    def commands(self, sweep: Sequence[str]) -> dict[str, list[str]]:
        limits = ["hydra.launcher.timeout_min=30", "hydra.launcher.signal_delay_s=20"]
        return {"sweep": [*sweep, "hydra/launcher=slurm", "study.workers=3", *limits]}

    def workers(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        jobs = (p for p in processes if "submitit.core._submit" in _words(p))
        return [p for p in jobs if p.name().startswith("python")]

    def cancel(self, chaos: "Chaos") -> bool:
        """`scancel` for one of the jobs."""
        return self._do(chaos, lambda job, _: ["scancel", job])

    def preempt(self, chaos: "Chaos") -> bool:
        """Stops one of the jobs and queues it again, as Slurm does for one that matters more."""
        return self._do(chaos, lambda job, _: ["scontrol", "requeue", job])

    def time_out(self, chaos: "Chaos") -> bool:
        """Sets the time limit of one of the jobs so that it ends within the minute."""

        def limit(job: str, seconds: int) -> list[str]:
            return ["scontrol", "update", f"JobId={job}", f"TimeLimit={seconds // 60 + 1}"]

        return self._do(chaos, limit)

    def give_time(self, chaos: "Chaos") -> bool:
        """Gives the job whose time was up another hour, once Slurm has queued it again: its limit
        stays with it, and a slow machine only imports libraries in a minute."""
        if not self.limited:
            return False
        restarts = self._jobs("RestartCnt")
        for job in self.limited:
            if restarts.get(job) == "0":
                return False
            if job in restarts:  # it has not ended
                words = ["scontrol", "update", f"JobId={job}", "TimeLimit=60"]
                subprocess.run(words, check=True)
        return True

    def _do(self, chaos: "Chaos", command: Callable[[str, int], list[str]]) -> bool:
        """Run a command on one of the jobs, made of its name and the seconds for which it runs."""
        if not (jobs := self._at_work(chaos)):
            return False
        job = chaos.chance.choice(sorted(jobs))
        words = command(job, jobs[job])
        subprocess.run(words, check=True)
        if "update" in words:
            self.limited.append(job)
        return True

    def _at_work(self, chaos: "Chaos") -> dict[str, int]:
        """The jobs whose workers train, with the seconds for which they run: one that only starts
        listens to no signal yet."""
        training = {_job(worker) for worker in chaos.working().values()}
        free = training - set(self.limited)
        used = self._jobs("TimeUsed", "--states=R")
        return {job: _seconds(seconds) for job, seconds in used.items() if job in free}

    def _jobs(self, column: str, *which: str) -> dict[str, str]:
        """What Slurm knows of the jobs in its queue, by their names."""
        words = ["squeue", "--noheader", "--array", f"--name={NAME}", *which]
        lines = subprocess.run(
            [*words, f"--Format=JobArrayID,{column}"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return dict(line.split() for line in lines)


@dataclass(frozen=True)
class Ray(Launch):
    """Three tasks on a Ray cluster of two nodes, of which one is killed."""

    cluster: "RayCluster"

    further = ("kill_node",)

    def commands(self, sweep: Sequence[str]) -> dict[str, list[str]]:
        where = f"hydra.launcher.ray.init.address={self.cluster.address}"
        return {"sweep": [*sweep, "hydra/launcher=ray", "study.workers=3", where]}

    def workers(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        return [p for p in processes if any("_run_job" in word for word in _words(p))]

    def kill_node(self, chaos: "Chaos") -> bool:
        """The second node, while one of its workers trains."""
        there = {p.pid for p in self.cluster.nodes[1].children(recursive=True)}
        if not there & {p.pid for p in chaos.working().values()}:
            return False
        self.cluster.kill(1)
        return True


def _job(worker: psutil.Process) -> str:
    """The job of an array that a worker is, as `squeue` calls it; empty where it has just ended."""
    try:
        own = worker.environ()
        return f"{own['SLURM_ARRAY_JOB_ID']}_{own['SLURM_ARRAY_TASK_ID']}"
    except (psutil.Error, KeyError):
        return ""


def _seconds(used: str) -> int:
    """Of Slurm's `minutes:seconds`."""
    minutes, seconds = used.split(":")
    return 60 * int(minutes) + int(seconds)


LAUNCHES: dict[str, type[Launch]] = {
    "joblib": Joblib,
    "joined": Joined,
    "processes": Processes,
    "slurm": Slurm,
}


@dataclass
class Counts:
    """What was done to a sweep, and what came of it."""

    trials: int = 0
    complete: int = 0
    lost: int = 0
    given_back: int = 0
    kills: int = 0
    sweeps_killed: int = 0
    stops: int = 0
    restarts: int = 0
    ended_early: int = 0  # commands that nobody had killed
    checkpoints: int = 0
    results: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        stops = f", server stopped {self.stops} times" if self.stops else ""
        return (
            f"{self.trials} trials count, {self.complete} complete; {self.kills} workers and "
            f"{self.sweeps_killed} sweeps killed{stops}; {self.restarts} restarts "
            f"({self.ended_early} of commands that ended by themselves); {self.lost} trials lost, "
            f"{self.checkpoints} retries from a checkpoint, {self.results} from a result, "
            f"{self.given_back} given back; {self.seconds:.0f} s"
        )


@dataclass
class Chaos:
    """One sweep under fire.

    Attributes:
        place: an empty folder for everything.
        launch: how the workers are had.
        python: runs the commands.
        storage: the URL of an empty database; None for the default, a file.
        server: of that database, if it is to be stopped.
        trials: the budget.
        kills: of workers, at random moments in the first three fifths of the trials. A quarter
            as many kills of the sweep command join them, with or without what it launched.
        stops: of the server, for ten seconds each.
        stack: the most trials that a worker holds at once.
        steps: of each trial.
        seconds: that they take at least; a few trials must be longer than many, or they are done
            before a worker that was killed is there again.
        chance: chooses moments and victims.
    """

    place: Path
    launch: Launch
    python: WarmPython
    storage: str | None = None
    server: Server | None = None
    trials: int = 200
    kills: int = 20
    stops: int = 0
    stack: int = 1
    steps: int = 12
    seconds: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.count = Counts()
        self.runs = self.place / "sweep"  # a name that no other process has in its environment
        self.study = self.runs / NAME
        # As it is where nothing has to last: runs with an optimiser of the user's are not stacked.
        lasting = slowly(self.place, self.steps, self.seconds) if self.seconds else ()
        self._lasting = (f"trainer.steps={self.steps}", *lasting)
        self.commands = self._commands()
        self._running: dict[str, WarmProcess] = {}
        self._sessions: set[int] = set()  # of all commands so far
        self._not_before: dict[str, float] = {}
        self._starts: Counter[str] = Counter()
        self._killed: set[int] = set()
        self._study: Study | None = None

    def _commands(self) -> dict[str, list[str]]:
        where = ["storage=postgres"] if self.storage else []
        return self.launch.commands(
            [
                "sweep", f"study.name={NAME}", "objective.weight=tag(log,interval(0.01,10))",
                "study.sampler=random", f"study.budget.trials={self.trials}", "study.retries=100",
                f"study.stack={self.stack}",
                "trainer.checkpoint_seconds=0", "model.hidden=[8]", "data.limit=200",
                "tracking=off", *self._lasting, *where,
            ]
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """Of all commands; by its BETAFRONT_RUNS the sweep's processes are told from others."""
        storage = {"BETAFRONT_STORAGE": self.storage} if self.storage else {}
        # The threads of numerical libraries fight over the few cores that tests have.
        return os.environ | {"BETAFRONT_RUNS": str(self.runs), "OMP_NUM_THREADS": "1"} | storage

    # What happens.

    def run(self) -> Counts:
        """Have the sweep done in spite of everything, and check what came of it.

        Raises:
            AssertionError: it hung, or something was lost or repeated.
        """
        started = time.monotonic()
        try:
            self._fire()
            self._see_the_end()
            self.count.seconds = time.monotonic() - started
            self._check()
        except (AssertionError, subprocess.TimeoutExpired):
            print(f"{self.count}\n{self._last_words()}", file=sys.stderr)
            raise
        finally:
            for process in self.processes():
                process.kill()
        return self.count

    def _fire(self) -> None:
        events = self._events()
        progress, more = (-1, time.monotonic()), 0
        while events or not self._is_done():
            if self._is_done():  # before the last of the events: it has more to do
                more += 1
                assert more <= MOST_RAISED, f"{len(events)} of the events found nobody"
                self._raise_budget()
            self._start_what_is_gone()
            done = self.done()
            if done > progress[0]:
                progress = (done, time.monotonic())
            assert time.monotonic() - progress[1] < PATIENCE, f"hangs at {done} trials"
            # One that cannot be now (no worker is there yet) holds up no other.
            for event in [e for e in events if e[0] <= done]:
                time.sleep(self.chance.uniform(0, 0.5))
                if event[1]():
                    events.remove(event)
                    break
            time.sleep(TICK_SECONDS)

    def _raise_budget(self) -> None:
        """The same sweep for half as many trials more."""
        self.trials += self.trials // 2
        self.commands = self._commands()
        self._running = {n: p for n, p in self._running.items() if p.poll() is None}

    def _events(self) -> list[tuple[int, Event]]:
        """What shall happen, and after how many finished runs."""
        names = ["_kill_worker"] * self.kills
        names += ["_kill_sweep"] * (self.kills // 4) + ["_stop_server"] * self.stops
        events: list[Event] = [getattr(self, name) for name in names]
        events += [partial(getattr(self.launch, name), self) for name in self.launch.further]
        self.chance.shuffle(events)
        events = [partial(getattr(self.launch, name), self) for name in self.launch.early] + events
        # Each worker finishes a run while the server is stopped, and another when it is back.
        last = self.trials - (self.stops + 1) * (WORKERS + 1) if self.stops else self.trials
        last = min(last, int(0.6 * self.trials))
        moments = sorted(self.chance.sample(range(1, last), len(events)))
        return list(zip(moments, events, strict=True))

    def _kill_worker(self) -> bool:
        workers = [w for w in self.launch.workers(self.processes()) if not self.launch.spares(w)]
        if not workers:
            return False  # they have not started yet
        found = self._at_a_checkpoint()
        spared = found is None or self.launch.spares(found)
        self._kill(self.chance.choice(workers) if spared else found)
        self.count.kills += 1
        return True

    def _at_a_checkpoint(self) -> psutil.Process | None:
        """In half of the cases a worker whose run has just written a checkpoint, if one does soon.

        Most of its life a worker in a test imports libraries: all kills at random moments would
        seldom find a run to go on with.
        """
        end = time.monotonic() + self.chance.choice([0, CHECKPOINT_SECONDS])
        while time.monotonic() < end:
            for number, process in self.working().items():
                if RunFolder(self.study / run_folder(number, 0)).has_checkpoint:
                    return process
        return None

    def _kill_sweep(self) -> bool:
        """The command alone, whose workers then go on without it, or with all it launched."""
        sweep = self._running.get("sweep")
        if sweep is None or sweep.poll() is not None:
            return False
        process = psutil.Process(sweep.pid)
        launched = process.children(recursive=True) if self.chance.random() < 0.5 else []
        for one in [process, *launched]:
            self._kill(one)
        self.count.sweeps_killed += 1
        return True

    def _kill(self, process: psutil.Process) -> None:
        self._killed.add(process.pid)
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return

    def _stop_server(self) -> bool:
        """Every process that works when the server is stopped works on when it is back."""
        assert self.server is not None
        working = list(self.working().values())
        if not working:
            return False
        before = self.done()
        self.server.stop(self.chance.choice(["fast", "immediate"]))
        time.sleep(STOPPED_SECONDS)
        self.server.start()
        gone = [p.pid for p in working if not p.is_running()]
        assert not gone, f"{len(gone)} of {len(working)} workers did not wait for the server"
        end = time.monotonic() + PATIENCE
        # Each of them had one run to finish at most while the server was away.
        while self.done() <= before + len(working) and not self._is_done():
            assert time.monotonic() < end, "nothing goes on after the server was away"
            time.sleep(TICK_SECONDS)
        self.count.stops += 1
        return True

    # Who is there.

    def processes(self) -> list[psutil.Process]:
        """All processes of the sweep, orphans too."""
        commands = {p.pid for p in self._running.values() if p.returncode is None}
        found = []
        for process in psutil.process_iter():
            try:
                its = process.environ().get("BETAFRONT_RUNS") == str(self.runs)
                # What a command forks is in its session, also where the command is gone.
                its = its or process.pid in commands or os.getsid(process.pid) in self._sessions
                if its and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, ProcessLookupError):
                continue
        return found

    def working(self) -> dict[int, psutil.Process]:
        """The workers that hold a trial now, by the trial."""
        if self._study is None:
            self._study = self._load()
        running = [t for t in self._study.get_trials(deepcopy=False) if not t.state.is_finished()]
        there = {p.pid: p for p in self.processes()}
        holders = {t.number: t.user_attrs[LEASE]["pid"] for t in running}
        return {number: there[pid] for number, pid in holders.items() if pid in there}

    def done(self) -> int:
        """How many runs are finished, by their folders: the storage may be away."""
        return sum(RunFolder(f).has_result for f in self.study.glob("trial-*"))

    def _start_what_is_gone(self) -> None:
        for name, arguments in self.commands.items():
            process = self._running.get(name)
            if process is not None:
                if process.poll() in (None, 0):
                    continue
                self._bury(name, process)
            if time.monotonic() < self._not_before.get(name, 0.0) or not self._can_start(name):
                continue
            log = self.place / f"{name}-{self._starts[name]}.log"
            with log.open("wb") as out:
                self._running[name] = self.python.start(
                    arguments, self.place, self.environment, out
                )
            self._sessions.add(self._running[name].pid)
            self.count.restarts += self._starts[name] > 0
            self._starts[name] += 1

    def _bury(self, name: str, process: WarmProcess) -> None:
        self.count.ended_early += process.pid not in self._killed
        del self._running[name]
        self._not_before[name] = time.monotonic() + self.chance.uniform(0, 2)

    def _can_start(self, name: str) -> bool:
        """A worker can join once there is a study."""
        return name == "sweep" or self.study.is_dir()

    def _is_done(self) -> bool:
        return "sweep" in self._running and self._running["sweep"].poll() == 0

    def _see_the_end(self) -> None:
        """Every command ends by itself. Joblib's processes whose sweep was killed stay for five
        minutes with nothing to do, as joblib has it."""
        for name, process in self._running.items():
            process.wait(timeout=PATIENCE)
            assert process.returncode in (0, -9), f"{name} ended with {process.returncode}"

    # What came of it.

    def read(self) -> "list[FrozenTrial]":
        """The trials, read anew."""
        return self._load().get_trials(deepcopy=False)

    def _load(self) -> "Study":
        url = self.storage or f"sqlite:///{self.runs / 'studies.db'}"
        return load_study(open_storage(url), NAME)

    def _check(self) -> None:
        trials = self.read()
        self._check_budget(trials)
        self._check_retries(trials)
        self._check_folders(trials)
        self._check_take_overs(trials)
        self._check_status()
        self._check_again(trials)
        assert self.count.kills >= self.kills
        assert self.count.stops >= self.stops

    def _check_budget(self, trials: "list[FrozenTrial]") -> None:
        counting = [t for t in trials if status(t).counts]
        self.count.trials = len(counting)
        self.count.complete = sum(t.state.name == "COMPLETE" for t in trials)
        self.count.lost = sum(status(t).again for t in trials)
        self.count.given_back = sum(status(t) is Status.GIVEN_BACK for t in trials)
        states = Counter(t.state.name for t in trials)
        assert states["RUNNING"] == states["WAITING"] == 0, states
        assert len(counting) == self.trials, states
        why = [t.user_attrs for t in counting if t.state.name != "COMPLETE" or not t.values]
        assert not why, why
        assert all(RECORD in t.user_attrs for t in counting)
        assert len({json.dumps(t.params) for t in counting}) == self.trials  # none was drawn twice

    def _check_retries(self, trials: "list[FrozenTrial]") -> None:
        """Every lost trial was tried again, by one other trial, until one was not lost."""
        after: dict[int, list[FrozenTrial]] = {}
        for trial in trials:
            before = origin(trial).before
            if before is not None and status(trial) is not Status.GIVEN_BACK:
                after.setdefault(before, []).append(trial)
        for lost in (t for t in trials if status(t).again):
            found = after.pop(lost.number, [])
            assert len(found) == 1, f"{len(found)} attempts follow trial {lost.number}"
            again = found[0]
            assert again.params == lost.params
            assert first_attempt(again) == first_attempt(lost)
            assert origin(again).retry == origin(lost).retry + (RELEASED not in lost.user_attrs)
            assert status(again).again or again.state.name == "COMPLETE"
        assert not after, f"tried again without being lost: {sorted(after)}"

    def _check_folders(self, trials: "list[FrozenTrial]") -> None:
        """Each trial that counts has one result of its own, with the seed of its first attempt."""
        records = {t.number: t.user_attrs[RECORD] for t in trials if status(t).counts}
        folders = {r["folder"] for r in records.values()}
        assert len(folders) == self.trials
        for trial in (t for t in trials if status(t).counts):
            record = records[trial.number]
            result = json.loads(RunFolder(self.study / record["folder"]).result.read_text())
            assert result["metrics"] == record["metrics"]
            assert result["seed"] == record["seed"] == run_seed(0, first_attempt(trial), 0)
            assert result["scale"]["weight"] == trial.params["objective.weight"]
            assert not RunFolder(self.study / run_folder(trial.number, 0)).checkpoint.exists()

    def _check_take_overs(self, trials: "list[FrozenTrial]") -> None:
        """Every retry began with what the attempts before it had left.

        They were dead when it began, so their folders are as it found them. A retry that was itself
        killed before its run began says nothing: the one after it looks at the same folders.
        """
        took = self._take_overs()
        for trial in trials:
            if origin(trial).before is None or status(trial) is Status.GIVEN_BACK:
                continue
            began = (self.study / run_folder(trial.number, 0) / RUN_LOG).is_file()
            if not began and trial.state.name != "COMPLETE":
                continue
            left = self._left_to(trial, trials)
            assert took.get(trial.number) == left, f"trial {trial.number}"
        whats = Counter(what for what, _ in took.values())
        self.count.checkpoints = whats["goes on from the checkpoint"]
        self.count.results = whats["has the result"]

    def _left_to(self, trial: "FrozenTrial", trials: "list[FrozenTrial]") -> tuple[str, int] | None:
        before = origin(trial).before
        while before is not None:
            folder = self.study / run_folder(before, 0)
            if RunFolder(folder).has_result:
                return "has the result", before
            if RunFolder(folder).has_checkpoint:
                return "goes on from the checkpoint", before
            before = origin(trials[before]).before
        return None

    def _take_overs(self) -> dict[int, tuple[str, int]]:
        """What the workers' logs say: by trial, what it had, and of which trial."""
        took = {}
        for log in self.study.glob(f"workers/*/{RUN_LOG}"):
            for line in log.read_text().splitlines():
                if found := TOOK_OVER.search(line):
                    took[int(found[1])] = (found[2], int(found[3]))
        return took

    def _check_status(self) -> None:
        said = json.loads(self._command("status", NAME, "--json"))
        shown = {key: said[key] for key in ("budget", "complete", "failed", "running", "lost")}
        expected = {"budget": self.trials, "complete": self.trials, "failed": 0, "running": 0}
        assert shown == expected | {"lost": self.count.lost}

    def _check_again(self, trials: "list[FrozenTrial]") -> None:
        """The same command says that all is done, and changes nothing."""
        files = self._digest()
        said = self._command(*self.commands["sweep"])
        assert f"complete: {self.trials} of {self.trials} trials" in said, said
        assert self.read() == trials
        assert self._digest() == files

    def _digest(self) -> dict[str, str]:
        files = sorted(p for p in self.study.glob("trial-*/**/*") if p.is_file())
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def _command(self, *arguments: str) -> str:
        process = self.python.start(arguments, self.place, self.environment)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
        return said

    def _last_words(self) -> str:
        logs = [*self.place.glob("*.log"), *self.study.glob(f"workers/*/{RUN_LOG}")]
        logs = sorted(logs, key=lambda log: log.stat().st_mtime)[-12:]
        return "\n".join(f"== {log}\n{log.read_text()[-2000:]}" for log in logs)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def _database(storage: str) -> "Iterator[tuple[str | None, Any]]":
    """The URL of an empty database, and its server."""
    if storage == "sqlite":
        yield None, None
        return
    from tests.support.servers import PostgreSQL

    with PostgreSQL() as server:
        yield server.create_database(), server


def main() -> None:
    """Run a sweep under fire as often as asked for; the exit status is 1 where one was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.chaos", description=__doc__)
    parser.add_argument("--storage", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--launch", choices=sorted(LAUNCHES), default="processes")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--stops", type=int, default=0, help="of the PostgreSQL server")
    parser.add_argument("--stack", type=int, default=1, help="trials that a worker holds at once")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--seed", type=int, help="of the first repetition", default=None)
    chosen = parser.parse_args()
    wrong = 0
    for number in range(chosen.repeat):
        start = random.randrange(10**6) if chosen.seed is None else chosen.seed + number
        place = Path(tempfile.mkdtemp(prefix="betafront-chaos-"))
        name = f"{chosen.storage} {chosen.launch}, seed {start}"
        with _database(chosen.storage) as (url, server), WarmPython() as python:
            chaos = Chaos(
                place, LAUNCHES[chosen.launch](), python, url, server, chosen.trials, chosen.kills,
                chosen.stops, chosen.stack, chance=random.Random(start),
            )  # fmt: skip
            try:
                print(f"{name}: {chaos.run()}", flush=True)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                wrong += 1
                print(f"{name}: WRONG: {error} ({chaos.count}); see {place}", flush=True)
                continue
        shutil.rmtree(place)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
