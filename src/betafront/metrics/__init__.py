"""What a trained VAE is worth."""

from betafront.metrics.evaluation import Evaluation, evaluate
from betafront.metrics.stationary_beta import stationary_beta
from betafront.metrics.zero_rate import zero_rate

__all__ = ["Evaluation", "evaluate", "stationary_beta", "zero_rate"]
