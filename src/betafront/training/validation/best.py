"""Which validated step of a run is the best: where it can be said, and from which step on."""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from betafront.errors import UserError
from betafront.models import Model
from betafront.objective import Objective
from betafront.objective.shaping import Capacity
from betafront.training.validation.validations import Validations

CLOSE = 0.01
"""Relative: β, or a target, counts as the final one where it is no further from it."""


@dataclass(frozen=True)
class Best:
    """The best validated step of a run.

    Attributes:
        step: optimiser steps taken.
        value: D + βR at the final β on the validation split, and the penalties, in nats.
        weights: of the model after that step, with its buffers.
    """

    step: int
    value: float
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, step: int, value: float, vae: Model, former: "Best | None" = None) -> "Best":
        """The model as it is now.

        Args:
            step, value: as above.
            vae: the model.
            former: the best until now, whose memory is taken: fresh memory costs as much as
                another validation of a small model.
        """
        now = vae.state_dict()
        if former is None or not all(_alike(former.weights.get(k), t) for k, t in now.items()):
            return cls(step, value, {name: tensor.clone() for name, tensor in now.items()})
        return cls(step, value, {k: former.weights[k].copy_(t) for k, t in now.items()})

    def written(self) -> dict[str, Any]:
        """As a checkpoint keeps it."""
        return {"step": self.step, "value": self.value, "weights": self.weights}


def _alike(one: Tensor | None, other: Tensor) -> bool:
    """Whether one tensor can hold the values of another."""
    return one is not None and (one.shape, one.dtype, one.device) == (
        other.shape,
        other.dtype,
        other.device,
    )


def why_unknown(objective: Objective) -> str:
    """Why no validated step of a run can be named its best; empty where one can.

    The best step has the least D + βR on the validation split at the final β; with free bits in
    place of R what they count, and with penalties they are added: the objective itself, on the
    scale on which D has weight 1. A closed controller has no β that is known before the end, and
    the objective of a capacity, D + γ·|R - C|, is mostly the noise of γ·|R - C|.
    """
    if objective.controller.closed:
        return "a controller sets β, which is known at the end alone"
    if isinstance(objective.shaping, Capacity):
        return "the β of a capacity is known at the end alone"
    return ""


def final_from(objective: Objective, steps: int) -> int:
    """The number of steps after which β and the targets keep to their final values, up to a
    hundredth; `steps` where they never do before the end.

    Args:
        objective: of the run.
        steps: of the whole run, as planned.
    """
    end = _in_force(objective, 1.0)
    for step in reversed(range(steps)):
        here = _in_force(objective, step / steps)
        if any(abs(a - b) > CLOSE * abs(b) for a, b in zip(here, end, strict=True)):
            return step + 1
    return 0


def _in_force(objective: Objective, progress: float) -> tuple[float, ...]:
    """The factors on β and on that of each layer, and the value that is held to a target; NaN
    compares as final."""
    factors = objective.shaping.factors(progress)
    return objective.schedule(progress), objective.held_to(progress), *factors


def check_patience(patience: int | None, objective: Objective) -> None:
    """Refuse to wait for a best step where none can be named.

    Raises:
        UserError: naming the way out.
    """
    if patience is not None and (why := why_unknown(objective)):
        raise UserError(
            f"trainer.patience waits for a better validated step, and {why}: leave it out"
        )


def is_spent(patience: int | None, validations: Validations, beta: float) -> bool:
    """Whether as many validations as `patience` have gone by without a better one. One is better
    where its D + βR is below that of the last better one by more than a standard error of their
    paired difference.

    Args:
        patience: the number of validations; None for ever.
        validations: those at the final β.
        beta: the final β.
    """
    if patience is None or len(validations.steps) <= patience:
        return False
    means, each = validations.values(beta), validations.values_of_each(beta)
    best = 0
    for row in range(1, len(means)):
        difference = each[row] - each[best]
        error = difference.std().item() / math.sqrt(validations.examples)
        if means[row] < means[best] - error:
            best = row
    return len(means) - 1 - best >= patience
