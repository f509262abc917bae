"""Lightning: one run from its parts to a Result."""

from betafront.training.checkpoint import CHECKPOINT, Halt
from betafront.training.fit import MODEL, SPLITS, Run, Trainer, fit, lightning_trainer
from betafront.training.memory import out_of_memory
from betafront.training.pictures.pages import draw_pages
from betafront.training.result import PICTURES, RESULT, Diverged, Halted, Result, TimedOut

__all__ = [
    "CHECKPOINT",
    "MODEL",
    "PICTURES",
    "RESULT",
    "SPLITS",
    "Diverged",
    "Halt",
    "Halted",
    "Result",
    "Run",
    "TimedOut",
    "Trainer",
    "draw_pages",
    "fit",
    "lightning_trainer",
    "out_of_memory",
]
