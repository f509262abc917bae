"""The contract of a prior p(z), and the priors that a `VAE` may have."""

from betafront.models.priors.gaussian import GaussianPrior
from betafront.models.priors.mixture import Mixture
from betafront.models.priors.prior import Prior
from betafront.models.priors.standard import StandardNormal
from betafront.models.priors.vamp import VampPrior

__all__ = ["GaussianPrior", "Mixture", "Prior", "StandardNormal", "VampPrior"]
