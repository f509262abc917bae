"""Processes, Slurm and Ray as Hydra launchers: thin shells, since Hydra imports this module in
every command, also where an engine is not installed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class EngineLauncher(Launcher, ABC):
    """A launcher whose packages are an extra, named as its choice in `conf/hydra/launcher` is.

    Args:
        settings: of that choice.
    """

    extra: ClassVar[str]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def engine(self) -> Launcher:
        """The launcher itself.

        Raises:
            ImportError: the extra is not installed.
        """

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from betafront.errors import UserError

        try:
            self.launcher = self.engine()
        except ImportError as error:
            raise UserError(
                f"hydra/launcher={self.extra} needs more packages ({error}): pip install "
                f"'betafront[{self.extra}]'"
            ) from error
        self.launcher.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        return self.launcher.launch(job_overrides, initial_job_idx)


class ProcessesLauncher(EngineLauncher):
    """Workers as processes of this machine; see `betafront.study.engines.processes`."""

    extra = "processes"

    def engine(self) -> Launcher:
        from betafront.study.engines.processes import Processes

        return Processes(**self.settings)


class SlurmLauncher(EngineLauncher):
    """Workers as a job array; see `betafront.study.engines.slurm`."""

    extra = "slurm"

    def leave(self) -> None:
        """Make `launch` submit the jobs, and not wait for them."""
        self.launcher.waits = False  # type: ignore[attr-defined]

    def engine(self) -> Launcher:
        from betafront.study.engines.slurm import Slurm

        return Slurm(**self.settings)


class RayLauncher(EngineLauncher):
    """Workers as tasks of a cluster; see `betafront.study.engines.ray`."""

    extra = "ray"

    def engine(self) -> Launcher:
        from betafront.study.engines.ray import RayCluster

        return RayCluster(**self.settings)
