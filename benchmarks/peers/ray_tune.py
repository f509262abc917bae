"""A sweep over β by Ray Tune with its search by Optuna.

    python -m benchmarks.peers.ray_tune FOLDER --data digits --trials 12 --steps 500

Two trials at a time, each on a core, by actors that are used again for the next trial: without that
each trial would import torch anew. Ray's dashboard is off. The trial is that of `trial.py`.
"""

import ray
from benchmarks.peers.same import LEAST, MOST, WORKERS, warm_ups
from benchmarks.peers.trial import NAME, Given, begin_record, given, trained
from optuna.storages import RDBStorage
from ray import tune
from ray.tune.search.optuna import OptunaSearch


def main() -> None:
    """Sweep."""
    sweep = given(__doc__)
    begin_record(sweep)
    ray.init(num_cpus=WORKERS, include_dashboard=False)
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(trial, sweep=sweep), {"cpu": 1}),
        param_space={
            "beta": tune.loguniform(LEAST, MOST), "warm_up": tune.choice(warm_ups(sweep.steps)),
        },
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(
                metric=["val/rate", "val/distortion"],
                mode=["min", "min"],
                study_name=NAME,
                storage=RDBStorage(sweep.storage),
            ),
            num_samples=sweep.trials,
            max_concurrent_trials=WORKERS,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=f"{sweep.folder}/ray"),
    )  # fmt: skip
    if tuner.fit().errors:
        raise SystemExit("a trial has failed")


def trial(config: dict[str, float], sweep: Given) -> dict[str, float]:
    """R and D of a trial."""
    seed = int(tune.get_context().get_trial_id(), 16)
    rate, distortion = trained(sweep, seed, config["beta"], int(config["warm_up"]))
    return {"val/rate": rate, "val/distortion": distortion}


if __name__ == "__main__":
    main()
