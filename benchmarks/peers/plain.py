"""A sweep over β by plain Optuna.

    python -m benchmarks.peers.plain FOLDER --data digits --trials 12 --steps 500

Two processes share the study in `FOLDER/studies.db`, with MLflow's record beside it; the trial is
that of `trial.py`.
"""

import multiprocessing

import optuna
from benchmarks.peers.same import LEAST, MOST, WORKERS, warm_ups
from benchmarks.peers.trial import NAME, Given, begin_record, given, trained
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

COUNTED = (TrialState.COMPLETE, TrialState.RUNNING)


def main() -> None:
    """Make the study, and work for it in two processes."""
    sweep = given(__doc__)
    optuna.create_study(study_name=NAME, storage=sweep.storage, directions=["minimize", "minimize"])
    begin_record(sweep)
    workers = [multiprocessing.Process(target=work, args=(sweep,)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def work(sweep: Given) -> None:
    """Train trials until there are as many as asked for."""

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        beta = trial.suggest_float("beta", LEAST, MOST, log=True)
        warm_up = trial.suggest_categorical("warm_up", warm_ups(sweep.steps))
        return trained(sweep, trial.number, beta, warm_up)

    study = optuna.load_study(study_name=NAME, storage=sweep.storage)
    study.optimize(objective, callbacks=[MaxTrialsCallback(sweep.trials, states=COUNTED)])


if __name__ == "__main__":
    main()
