"""A sweep over β by Hydra's own Optuna sweeper, with its joblib launcher.

    python -m benchmarks.peers.hydra_sweeper --multirun hydra/sweeper=optuna \
        hydra/launcher=joblib 'beta=tag(log,interval(0.001,10))' 'warm_up=choice(0,250)' …

The sweeper needs Optuna 2, SQLAlchemy 1.4 and an Alembic for it: `PACKAGES`, which `install` puts
into a folder that stands before the environment's own packages. The trial is that of `trial.py`.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from benchmarks.peers.trial import Given, begin_record, trained
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

PACKAGES = [
    "hydra-optuna-sweeper==1.3.0", "optuna==2.10.1", "sqlalchemy==1.4.54", "alembic==1.13.3",
    "cmaes", "colorlog", "cliff", "autopage", "stevedore", "cmd2", "prettytable",
]  # fmt: skip


def install(folder: Path) -> None:
    """Put the packages into a folder."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), *PACKAGES], check=True)


@dataclass
class Config(Given):
    """What a trial is told."""

    beta: float = 1.0
    warm_up: int = 0


class Record(Callback):
    """Begins MLflow's record before the trials do."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        begin_record(sweep_of(config))


def sweep_of(config: DictConfig) -> Given:
    """The part of a configuration that is the same in all trials."""
    return Given(**{key: config[key] for key in Given.__dataclass_fields__})


ConfigStore.instance().store("config", Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def trial(config: DictConfig) -> tuple[float, float]:
    """R and D of a trial."""
    return trained(sweep_of(config), HydraConfig.get().job.num, config.beta, config.warm_up)


if __name__ == "__main__":
    trial()
