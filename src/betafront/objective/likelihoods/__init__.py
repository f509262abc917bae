"""Output distributions of the decoder, one per file, those of counts in `counts/`; each with its
support and every constant."""

from betafront.objective.likelihoods.base import Likelihood, told
from betafront.objective.likelihoods.bernoulli import Bernoulli
from betafront.objective.likelihoods.beta import Beta
from betafront.objective.likelihoods.categorical import Categorical
from betafront.objective.likelihoods.continuous_bernoulli import ContinuousBernoulli
from betafront.objective.likelihoods.counts import (
    Multinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)
from betafront.objective.likelihoods.discretized_logistic import DiscretizedLogistic
from betafront.objective.likelihoods.gaussian import Gaussian
from betafront.objective.likelihoods.gaussian_per_image import GaussianPerImage
from betafront.objective.likelihoods.laplace import Laplace
from betafront.objective.likelihoods.words import Words

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "ContinuousBernoulli",
    "DiscretizedLogistic",
    "Gaussian",
    "GaussianPerImage",
    "Laplace",
    "Likelihood",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "Words",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
    "told",
]
