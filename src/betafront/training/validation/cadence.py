"""When a run is validated: at ends of epochs, inside of long epochs, and after the last step."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

VALIDATIONS = 20
"""Of a run of many epochs, about: each is a row of the history."""

LEAST = 10
"""Of a run of few epochs, about, where that costs little beside the training."""

COST = 1.5
"""Examples that are trained on for each that is validated, at least, inside of an epoch."""

SHORTEST = 20
"""Steps between two validations inside of an epoch, at least."""


@dataclass(frozen=True)
class Cadence:
    """The optimiser steps after which a run is validated. It depends on the steps that were planned
    and on where epochs begin, so that a run that goes on from a checkpoint keeps to it.

    Args:
        steps: of the whole run, as planned.
        epoch: steps per epoch.
        batch: examples per step.
        validated: examples of the validation split.
        begun: steps before the first whole epoch: a longer run that goes on from a shorter one,
            which had ended within an epoch, begins another one there.
    """

    steps: int
    epoch: int
    batch: int
    validated: int
    begun: int = 0

    def going_on(self, step: int) -> "Cadence":
        """That of a run that goes on after `step` steps, with an epoch that begins there."""
        return replace(self, begun=step % self.epoch)

    def due(self, step: int) -> bool:
        """Whether the run is validated once it has taken `step` steps."""
        if step >= self.steps:
            return True
        epochs, within = divmod(step - self.begun, self.epoch)
        if within == 0:
            return epochs % max(1, self.steps // self.epoch // VALIDATIONS) == 0
        return within in self._marks

    @cached_property
    def _marks(self) -> set[int]:
        """The steps of an epoch, but for its last, after which a run is validated."""
        between = max(SHORTEST, self.steps // LEAST, COST * self.validated / self.batch)
        parts = math.ceil(self.epoch / between)
        return {round(part * self.epoch / parts) for part in range(1, parts)}
