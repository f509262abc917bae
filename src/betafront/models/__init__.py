"""Encoders, decoders and the VAE that they make with a likelihood."""

from betafront.models.conv import conv
from betafront.models.linear import linear
from betafront.models.mlp import mlp
from betafront.models.programs import PROGRAMS, write_programs
from betafront.models.vae import VAE, Architecture, Posterior, Shape

__all__ = [
    "PROGRAMS",
    "VAE",
    "Architecture",
    "Posterior",
    "Shape",
    "conv",
    "linear",
    "mlp",
    "write_programs",
]
