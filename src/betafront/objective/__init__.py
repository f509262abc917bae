"""The maths of the trade-off: one scale, likelihoods, schedules, controllers, and the loss."""

from betafront.objective.aggregate import Decomposition, decompose
from betafront.objective.controllers import GECO, Controller, ControlVAE, Observation, OpenLoop
from betafront.objective.likelihoods import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    GaussianPerImage,
    Laplace,
    Likelihood,
)
from betafront.objective.objective import Objective, Step
from betafront.objective.penalties import DIP, MMD, Penalty, TotalCorrelation
from betafront.objective.schedules import (
    Constant,
    Cosine,
    Cyclical,
    Linear,
    Schedule,
    Sigmoid,
    Staircase,
)
from betafront.objective.shaping import Capacity, FreeBits, Plain, Shaping
from betafront.objective.terms import Code, Draw, Terms, require_factorised
from betafront.scale import (
    NORMALISATIONS,
    Convention,
    Normalisation,
    Weights,
    beta_norm,
    in_every_convention,
    normalisation,
    squared_error_weight,
    squared_error_weights,
)

__all__ = [
    "DIP",
    "GECO",
    "MMD",
    "NORMALISATIONS",
    "Bernoulli",
    "Beta",
    "Capacity",
    "Categorical",
    "Code",
    "Constant",
    "ContinuousBernoulli",
    "ControlVAE",
    "Controller",
    "Convention",
    "Cosine",
    "Cyclical",
    "Decomposition",
    "DiscretizedLogistic",
    "Draw",
    "FreeBits",
    "Gaussian",
    "GaussianPerImage",
    "Laplace",
    "Likelihood",
    "Linear",
    "Normalisation",
    "Objective",
    "Observation",
    "OpenLoop",
    "Penalty",
    "Plain",
    "Schedule",
    "Shaping",
    "Sigmoid",
    "Staircase",
    "Step",
    "Terms",
    "TotalCorrelation",
    "Weights",
    "beta_norm",
    "decompose",
    "in_every_convention",
    "normalisation",
    "require_factorised",
    "squared_error_weight",
    "squared_error_weights",
]
