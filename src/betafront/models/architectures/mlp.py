"""Fully connected encoder and decoder."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from betafront.models.architectures.latents import number
from betafront.models.architectures.numbers import check_numbers
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood


def mlp(
    shape: Shape, likelihood: Likelihood, latents: int = 8, hidden: Sequence[int] = (256, 128)
) -> VAE:
    """A VAE of fully connected layers with ReLU.

    Args:
        shape: of one example, any.
        likelihood: p(x|z).
        latents: M.
        hidden: the encoder's widths; the decoder mirrors them.
    """
    check_numbers("mlp", likelihood)
    latents, dims = number(latents, "mlp"), math.prod(shape)
    encoder = nn.Sequential(
        *likelihood.input_layers(), nn.Flatten(), *dense(dims, *hidden, 2 * latents)
    )
    output = likelihood.output_shape(shape)
    decoder = nn.Sequential(
        *dense(latents, *reversed(hidden), math.prod(output)), nn.Unflatten(1, output)
    )
    return VAE(encoder, decoder, likelihood, latents)


def dense(*widths: int) -> list[nn.Module]:
    """Linear layers from each width to the next, with a ReLU between two of them."""
    layers: list[nn.Module] = []
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out), nn.ReLU()]
    return layers[:-1]
