"""Slurm as a Hydra launcher: a thin shell, since Hydra imports this module in every command."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SlurmLauncher(Launcher):
    """Runs `betafront.study.slurm.Slurm`; `conf/hydra/launcher/slurm.yaml` says with what."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from betafront.errors import UserError

        try:
            from betafront.study.slurm import Slurm
        except ImportError as error:
            way_out = "pip install 'betafront[slurm]'"
            raise UserError(f"hydra/launcher=slurm needs submitit ({error}): {way_out}") from error
        self.slurm = Slurm(**self.settings)
        self.slurm.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        return self.slurm.launch(job_overrides, initial_job_idx)
