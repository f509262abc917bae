"""The linear VAE, whose optimum is known in closed form."""

import math

from torch import nn

from betafront.models.architectures.latents import number
from betafront.models.architectures.numbers import check_numbers
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood


def linear(shape: Shape, likelihood: Likelihood, latents: int = 8) -> VAE:
    """A VAE with one linear layer on either side.

    With a Gaussian likelihood on Gaussian data its optimum is reverse water-filling of the data's
    covariance at the level β·σ² (Lucas et al. 2019), which makes it the oracle of this project. The
    posterior's variance does not depend on x there, and is left free to learn that.

    Args:
        shape: of one example, any.
        likelihood: p(x|z).
        latents: M.
    """
    check_numbers("linear", likelihood)
    latents, dims = number(latents, "linear"), math.prod(shape)
    encoder = nn.Sequential(*likelihood.input_layers(), nn.Flatten(), nn.Linear(dims, 2 * latents))
    output = likelihood.output_shape(shape)
    decoder = nn.Sequential(nn.Linear(latents, math.prod(output)), nn.Unflatten(1, output))
    return VAE(encoder, decoder, likelihood, latents)
