"""Convolutional encoder and decoder for signals."""

from betafront.errors import UserError
from betafront.models.architectures.latents import Latents
from betafront.models.architectures.numbers import check_numbers
from betafront.models.architectures.strided import strided
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood

SHORTEST = 8


def conv1d(
    shape: Shape, likelihood: Likelihood, latents: Latents = 8, width: int = 16, hidden: int = 64
) -> VAE:
    """A VAE of strided convolutions along a signal, of 8 values or more with any number of
    channels (`betafront.models.architectures.strided`).

    Args:
        shape: channels and length of one signal.
        likelihood: p(x|z).
        latents: M; or [C, l] of a code along the signal, l being a length that halving comes to.
        width: channels after the first convolution.
        hidden: units of the fully connected layer beside M latents; a code along the signal has
            none.

    Raises:
        UserError: an example is no such signal.
    """
    check_numbers("conv1d", likelihood)
    if len(shape) != 2 or shape[1] < SHORTEST:
        raise UserError(
            f"model=conv1d is for signals of (channels, length) with {SHORTEST} values or more, and"
            f" an example of this data has the shape {shape}: use model=mlp"
            + (", or model=conv for images" if len(shape) == 3 else "")
        )
    return strided(shape, likelihood, latents, width, hidden)
