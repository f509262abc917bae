"""Lightning: one run from its parts to a Result."""

from betafront.training.fit import Run, Trainer, fit
from betafront.training.result import Diverged, Result

__all__ = ["Diverged", "Result", "Run", "Trainer", "fit"]
