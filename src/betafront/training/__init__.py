"""Lightning: one run from its parts to a Result."""

from betafront.training.checkpoint import CHECKPOINT
from betafront.training.fit import Run, Trainer, fit, lightning_trainer
from betafront.training.result import RESULT, Diverged, Result

__all__ = [
    "CHECKPOINT",
    "RESULT",
    "Diverged",
    "Result",
    "Run",
    "Trainer",
    "fit",
    "lightning_trainer",
]
