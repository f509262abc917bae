"""Output distributions of the decoder, one per file; each with its support and every constant."""

from betafront.objective.likelihoods.base import Likelihood
from betafront.objective.likelihoods.bernoulli import Bernoulli
from betafront.objective.likelihoods.continuous_bernoulli import ContinuousBernoulli
from betafront.objective.likelihoods.gaussian import Gaussian

__all__ = ["Bernoulli", "ContinuousBernoulli", "Gaussian", "Likelihood"]
