"""When a sweep launches its workers again."""

import subprocess
import sys

import psutil
from optuna import create_trial
from optuna.trial import FrozenTrial, TrialState

from betafront.study.sweep import attempts
from betafront.study.trials.lease import LEASE, Worker


def running(worker: Worker) -> FrozenTrial:
    return create_trial(state=TrialState.RUNNING, user_attrs={LEASE: worker.lease()})


def test_a_launch_whose_workers_all_died_in_their_first_trials_is_followed_by_another() -> None:
    """Else one killed worker of four ends a sweep of long trials: joblib kills the other three."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = Worker.here(0)
    other = Worker("1-abc", here.host, process.pid, psutil.Process(process.pid).create_time())
    trials = [running(here), running(other)]
    assert attempts(trials) == 0
    process.kill()
    process.wait()
    assert attempts(trials) == 1
