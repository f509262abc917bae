"""The trace of a run: what was in force at every optimiser step, and what came of it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from betafront.objective import Objective

Trace = dict[str, NDArray[np.float64]]
"""Arrays over the optimiser steps of a run."""

TRACED = ("distortion", "rate", "loss", "beta", "penalty", "mse")
"""The columns of the tensor in which a run records its steps."""


def trace_arrays(recorded: "Tensor", objective: "Objective", planned: int) -> Trace:
    """The trace as it is stored: an array per column, the steps, and the target of each step where
    the objective holds a value to one.

    Args:
        recorded: (steps, 6) in the order of `TRACED`.
        objective: of the run.
        planned: the steps of the whole run, by which its schedules go.
    """
    steps = np.arange(len(recorded), dtype=float)
    trace = dict(zip(TRACED, recorded.double().cpu().numpy().T, strict=True))
    trace["step"] = steps
    if objective.holds != "mse":
        del trace["mse"]
    if objective.holds:
        trace["target"] = np.array([objective.held_to(step / planned) for step in steps])
    if objective.holds == "distortion":  # the multiplier of that constraint
        trace["lambda"] = 1 / trace["beta"]
    return trace
