"""The contract of a model, and the VAEs that encoders, decoders and likelihoods make."""

from betafront.models.conv import conv
from betafront.models.linear import linear
from betafront.models.mlp import mlp
from betafront.models.model import Architecture, Model, Observed, Shape
from betafront.models.posterior import Posterior, standard_normal
from betafront.models.programs import PROGRAMS, write_programs
from betafront.models.vae import VAE

__all__ = [
    "PROGRAMS",
    "VAE",
    "Architecture",
    "Model",
    "Observed",
    "Posterior",
    "Shape",
    "conv",
    "linear",
    "mlp",
    "standard_normal",
    "write_programs",
]
