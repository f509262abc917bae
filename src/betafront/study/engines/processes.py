"""Workers as processes of this machine."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
from omegaconf import DictConfig, open_dict

from betafront.study.engines.fork_server import current
from betafront.study.engines.launch import THREADS


class Processes(JoblibLauncher):  # type: ignore[misc]
    """The launcher of hydra-joblib-launcher, whose processes are forked where this process has a
    fork server; else they are started by joblib, and import everything anew.

    Args:
        settings: of joblib's launcher; `n_jobs` are the processes at a time.
    """

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        server = current()
        if server is None:
            returns: Sequence[JobReturn] = super().launch(job_overrides, initial_job_idx)
            return returns
        assert self.config is not None  # Hydra has called setup
        assert self.hydra_context is not None and self.task_function is not None
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        jobs = [
            Job(
                initial_job_idx + index,
                list(overrides),
                self.hydra_context,
                self.config,
                self.task_function,
                Singleton.get_state(),
                dict(os.environ),
            )
            for index, overrides in enumerate(job_overrides)
        ]
        at_once = int(self.joblib["n_jobs"])
        return server.run([cloudpickle.dumps(job) for job in jobs], max(at_once, 1))


@dataclass(frozen=True)
class Job:
    """One job of a multirun, as Hydra's launchers run it.

    Attributes:
        number: of the job.
        overrides: of its configuration.
        context, config, task: what Hydra gives a launcher.
        singletons: Hydra's state in the process that launches.
        environment: of that process.
    """

    number: int
    overrides: list[str]
    context: HydraContext
    config: DictConfig
    task: TaskFunction
    singletons: dict[Any, Any]
    environment: dict[str, str]

    def __call__(self) -> JobReturn:
        os.environ.update(self.environment)
        _take_threads()
        setup_globals()
        Singleton.set_state(self.singletons)
        config = self.context.config_loader.load_sweep_config(self.config, self.overrides)
        with open_dict(config):
            config.hydra.job.id = f"{config.hydra.job.name}_{self.number}"
            config.hydra.job.num = self.number
        HydraConfig.instance().set_config(config)
        found = run_job(
            task_function=self.task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )
        return replace(found, cfg=None, hydra_cfg=None)  # which would take long to write and read


def _take_threads() -> None:
    """As many threads as the environment says: libraries read it when they are imported, which
    may have been before the environment said so."""
    import torch
    from threadpoolctl import threadpool_limits

    number = os.environ.get(THREADS, "")
    if number.isdigit():
        threadpool_limits(int(number))
        torch.set_num_threads(int(number))
