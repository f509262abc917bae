"""What a trained VAE is worth."""

from betafront.metrics.evaluation import Evaluation, evaluate
from betafront.metrics.zero_rate import zero_rate

__all__ = ["Evaluation", "evaluate", "zero_rate"]
