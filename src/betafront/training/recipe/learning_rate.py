"""The schedule of the learning rate: any of `torch.optim.lr_scheduler`, stepped by a run."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

from betafront.errors import UserError
from betafront.objective import Objective
from betafront.own_modules import cause
from betafront.training.validation.best import why_unknown

MakeLRSchedule = Callable[[Optimizer], LRScheduler]


class LearningRate:
    """The learning rate of a run, which its scheduler sets after every optimiser step, and
    `ReduceLROnPlateau` after every validation at the final β.

    The parameters of a likelihood that have a group of their own keep their multiple of the
    learning rate, whatever the scheduler does to it.

    Args:
        make: makes the scheduler.
        optimizer: of the run.
        factor: the multiple; None where there is no such group.

    Raises:
        UserError: what `make` returns is no scheduler.
    """

    def __init__(self, make: MakeLRSchedule, optimizer: Optimizer, factor: float | None) -> None:
        self.optimizer = optimizer
        self.factor = factor
        self.scheduler = made(make, optimizer)
        if not isinstance(self.scheduler, LRScheduler):
            raise UserError(
                f"lr_schedule: what it names has returned a {type(self.scheduler).__name__}, and "
                "no torch.optim.lr_scheduler.LRScheduler: name one, with _partial_: true"
            )
        self.greatest = 0.0
        self._set()

    @property
    def part(self) -> float:
        """The learning rate as a part of the greatest that there was; 1 where it was always 0."""
        now = float(self.optimizer.param_groups[0]["lr"])
        return now / self.greatest if self.greatest else 1.0

    @property
    def waits(self) -> bool:
        """Whether it goes by what validations find."""
        return isinstance(self.scheduler, ReduceLROnPlateau)

    def after_step(self) -> None:
        """An optimiser step was taken.

        Raises:
            UserError: the scheduler fails, as some do after the steps that they were made for.
        """
        if not self.waits:
            self._take()

    def after_validation(self, value: float) -> None:
        """A validation at the final β found D + βR to be `value` nats.

        Raises:
            UserError: the scheduler fails.
        """
        if self.waits:
            self._take(value)

    def snapshot(self) -> dict[str, Any]:
        """The state of the scheduler, for `restore`; the learning rates are the optimiser's."""
        return {"scheduler": dict(self.scheduler.state_dict()), "greatest": self.greatest}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from what `snapshot` returned, once the optimiser has its state."""
        self.scheduler.load_state_dict(dict(snapshot["scheduler"]))
        self.greatest = snapshot["greatest"]

    def _take(self, *seen: Any) -> None:
        """Step the scheduler."""
        try:
            self.scheduler.step(*seen)
        except Exception as error:  # the scheduler's own
            name = type(self.scheduler).__name__
            raise UserError(f"lr_schedule: {name} has failed: {cause(error)}") from error
        self._set()

    def _set(self) -> None:
        """The scheduler has set the learning rate."""
        groups = self.optimizer.param_groups
        self.greatest = max(self.greatest, float(groups[0]["lr"]))
        if self.factor is not None and len(groups) == 2:
            groups[1]["lr"] = groups[0]["lr"] * self.factor


def made(make: MakeLRSchedule, optimizer: Optimizer) -> LRScheduler:
    """The scheduler that `make` makes for an optimiser. Schedulers of which it consists, as those
    of `SequentialLR`, are made first, where a configuration names them with `_partial_: true`."""
    if not isinstance(make, partial):
        return make(optimizer)
    parts: dict[str, Any] = {}
    for key, value in make.keywords.items():
        several = isinstance(value, list) and value and all(isinstance(v, partial) for v in value)
        parts[key] = [made(each, optimizer) for each in value] if several else value
    if make.func is ChainedScheduler:  # alone among them it takes no optimiser first
        return ChainedScheduler(**parts, optimizer=optimizer)
    scheduler: LRScheduler = make.func(optimizer, *make.args, **parts)
    return scheduler


def check_lr_schedule(
    make: MakeLRSchedule, optimizer: Optimizer, objective: Objective, steps: int
) -> None:
    """Refuse a schedule that cannot be made, that has an end before the run, or that waits for what
    no validation says.

    Args:
        make: makes the scheduler.
        optimizer: of a model like that of the run.
        objective: of the run.
        steps: optimiser steps of the run.

    Raises:
        UserError: naming the way out.
    """
    rate = LearningRate(make, optimizer, None)
    if rate.waits and (why := why_unknown(objective)):
        raise UserError(
            f"lr_schedule: ReduceLROnPlateau goes by the validated D + βR, and {why}: choose "
            "another schedule"
        )
    scheduler = rate.scheduler
    if isinstance(scheduler, OneCycleLR) and scheduler.total_steps < steps:
        raise UserError(
            f"lr_schedule: OneCycleLR ends after total_steps={scheduler.total_steps} and the run "
            f"takes {steps}: write total_steps: ${{trainer.steps}}"
        )
