"""The sweeper as a Hydra plugin: a thin shell, since Hydra imports this module in every command."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from betafront.study.plan import Plan


@dataclass
class BetafrontSweeperConfig:
    """`hydra/sweeper=betafront`; what a study needs to know is under `study`."""

    _target_: str = "hydra_plugins.betafront_sweeper.sweeper.BetafrontSweeper"
    dry_run: bool = False  # show what would be swept, and train one trial of it
    join: bool = False  # work for a sweep that another process has begun
    detach: bool = False  # launch the workers, and end without waiting for them
    confirm: bool = False  # put the decision of a finished sweep to the test


ConfigStore.instance().store(
    group="hydra/sweeper", name="betafront", node=BetafrontSweeperConfig, provider="betafront"
)


class BetafrontSweeper(Sweeper):
    """Reads the plan of a sweep, then runs the sweep, joins it, shows what it would do, or confirms
    what it has decided."""

    def __init__(
        self,
        dry_run: bool = False,
        join: bool = False,
        detach: bool = False,
        confirm: bool = False,
    ) -> None:
        self.dry_run = dry_run
        self.join = join
        self.detach = detach
        self.confirm = confirm

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        from betafront.study.plan import read_plan

        assert self.hydra_context is not None and self.config is not None  # Hydra has called setup
        plan = read_plan(self.hydra_context, self.config, arguments)
        if self.dry_run:
            from betafront.study.dry_run import dry_run  # with Lightning

            dry_run(plan)
        else:
            self._run(plan)

    def _run(self, plan: "Plan") -> None:
        from betafront.study import sweep  # with torch, which a refusal does without
        from betafront.study.confirm import confirm

        if self.join:
            sweep.join(plan)
        elif self.detach:
            sweep.detached(plan)
        elif self.confirm:
            confirm.confirm(plan)
        else:
            sweep.sweep(plan, confirm.confirm_if_decided if plan.base.study.confirm else None)
