"""The sweeper as a Hydra plugin: a thin shell, since Hydra imports this module in every command."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class BetafrontSweeperConfig:
    """`hydra/sweeper=betafront`; what a study needs to know is under `study`."""

    _target_: str = "hydra_plugins.betafront_sweeper.sweeper.BetafrontSweeper"


ConfigStore.instance().store(
    group="hydra/sweeper", name="betafront", node=BetafrontSweeperConfig, provider="betafront"
)


class BetafrontSweeper(Sweeper):
    """Runs `betafront.study.sweep.sweep`."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        from betafront.study.sweep import sweep

        sweep(self.hydra_context, self.task_function, self.config, arguments)
