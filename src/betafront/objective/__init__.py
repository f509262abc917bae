"""The maths of the trade-off: one scale, likelihoods, schedules, and the loss."""

from betafront.objective.likelihoods import (
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Likelihood,
)
from betafront.objective.objective import Objective, Terms
from betafront.objective.scale import (
    NORMALISATIONS,
    Normalisation,
    Weights,
    beta_norm,
    in_every_convention,
    normalisation,
    squared_error_weight,
)
from betafront.objective.schedules import Constant, Linear, Schedule, Sigmoid

__all__ = [
    "NORMALISATIONS",
    "Bernoulli",
    "Constant",
    "ContinuousBernoulli",
    "Gaussian",
    "Likelihood",
    "Linear",
    "Normalisation",
    "Objective",
    "Schedule",
    "Sigmoid",
    "Terms",
    "Weights",
    "beta_norm",
    "in_every_convention",
    "normalisation",
    "squared_error_weight",
]
