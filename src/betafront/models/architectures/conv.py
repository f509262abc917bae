"""Convolutional encoder and decoder for images."""

from betafront.errors import UserError
from betafront.models.architectures.latents import Latents
from betafront.models.architectures.numbers import check_numbers
from betafront.models.architectures.strided import by, strided
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood

SIDES = (8, 256)  # pixels


def conv(
    shape: Shape, likelihood: Likelihood, latents: Latents = 8, width: int = 32, hidden: int = 128
) -> VAE:
    """A VAE of strided convolutions, for images of 8 to 256 pixels a side with any number of
    channels (`betafront.models.architectures.strided`).

    Args:
        shape: channels, height and width of one image.
        likelihood: p(x|z).
        latents: M; or [C, h, w] of a spatial code, as latent diffusion has it, h and w being a
            size that halving the image comes to.
        width: channels after the first convolution.
        hidden: units of the fully connected layer beside M latents; a spatial code has none.

    Raises:
        UserError: the data is no images, or they are not of these sizes; or no such spatial code is
            on the way.
    """
    check_numbers("conv", likelihood)
    check_images("conv", shape, SIDES)
    return strided(shape, likelihood, latents, width, hidden)


def check_images(name: str, shape: Shape, sides: tuple[int, int]) -> None:
    """Refuse examples that are no images of these sizes.

    Args:
        name: of the choice of model.
        shape: of one example.
        sides: the least and the greatest height and width, in pixels.

    Raises:
        UserError: naming the way out.
    """
    if len(shape) != 3:
        raise UserError(
            f"model={name} is for images, and an example of this data has the shape {shape}: use "
            "model=mlp, or model=conv1d for signals of (channels, length)"
        )
    least, most = sides
    if not all(least <= side <= most for side in shape[1:]):
        raise UserError(
            f"model={name} is for images of {least} to {most} pixels a side, but these are "
            f"{by(shape)} (channels x height x width): use model=mlp"
        )
