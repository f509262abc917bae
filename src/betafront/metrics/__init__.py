"""What a trained VAE is worth."""

from betafront.metrics.decomposition import decomposition
from betafront.metrics.catalogue import BETTER_HIGH, direction
from betafront.metrics.evaluation import ALWAYS, Evaluation, by_split, evaluate
from betafront.metrics.iwae import iwae
from betafront.metrics.likeness import likeness
from betafront.metrics.prior_gap import prior_gap
from betafront.metrics.score import Score
from betafront.metrics.stationary_beta import stationary_beta
from betafront.metrics.zero_rate import zero_rate

__all__ = [
    "ALWAYS",
    "BETTER_HIGH",
    "Evaluation",
    "Score",
    "by_split",
    "decomposition",
    "direction",
    "evaluate",
    "iwae",
    "likeness",
    "prior_gap",
    "stationary_beta",
    "zero_rate",
]
