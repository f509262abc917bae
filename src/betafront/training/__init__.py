"""Lightning: one run from its parts to a Result."""

from betafront.training.fit import Run, Trainer, fit, lightning_trainer
from betafront.training.result import Diverged, Result

__all__ = ["Diverged", "Result", "Run", "Trainer", "fit", "lightning_trainer"]
