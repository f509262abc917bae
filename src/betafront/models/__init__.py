"""The contract of a model, and the VAEs that encoders, decoders and likelihoods make."""

from betafront.models.architectures import (
    conv,
    conv1d,
    linear,
    mlp,
    pair,
    resnet,
    sentence,
)
from betafront.models.check import check_model, model_cautions
from betafront.models.eval_mode import evaluating
from betafront.models.family import Family
from betafront.models.fresh import fresh_model
from betafront.models.hierarchy import BottomUp, Hierarchy, Ladder, hierarchical, ladder
from betafront.models.lazy import initialised
from betafront.models.model import Architecture, MakePrior, Model, Observed, Shape
from betafront.models.multirate import MultiRate, multirate
from betafront.models.posterior import Posterior, standard_normal
from betafront.models.priors import GaussianPrior, Prior, VampPrior
from betafront.models.programs import PROGRAMS, write_programs
from betafront.models.vae import VAE

__all__ = [
    "PROGRAMS",
    "VAE",
    "Architecture",
    "BottomUp",
    "Family",
    "GaussianPrior",
    "Hierarchy",
    "Ladder",
    "MakePrior",
    "Model",
    "MultiRate",
    "Observed",
    "Posterior",
    "Prior",
    "Shape",
    "VampPrior",
    "check_model",
    "conv",
    "conv1d",
    "evaluating",
    "fresh_model",
    "hierarchical",
    "initialised",
    "ladder",
    "linear",
    "mlp",
    "model_cautions",
    "multirate",
    "pair",
    "resnet",
    "sentence",
    "standard_normal",
    "write_programs",
]
