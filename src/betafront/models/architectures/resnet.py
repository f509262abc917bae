"""Residual encoder and decoder for images."""

import math

from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.architectures.conv import check_images
from betafront.models.architectures.latents import Latents, count, latent_shape
from betafront.models.architectures.numbers import check_numbers
from betafront.models.architectures.strided import halvings, strides, widths
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood

SIDES = (32, 128)  # pixels
GROUPS = 8  # of channels that are normalised together, where they divide so


def resnet(
    shape: Shape, likelihood: Likelihood, latents: Latents = 32, width: int = 32, blocks: int = 1
) -> VAE:
    """A VAE of residual blocks with group normalisation, for images of 32 to 128 pixels a side with
    any number of channels.

    At each resolution there are `blocks` residual blocks, and a strided convolution to the next,
    which is half as large and has twice the channels, up to four times `width`. The decoder mirrors
    the encoder, and enlarges by the nearest neighbour before a convolution.

    Args:
        shape: channels, height and width of one image.
        likelihood: p(x|z).
        latents: M, for which one fully connected layer is on either side; or [C, h, w] of a spatial
            code, h and w being a size that halving the image comes to.
        width: channels at the full resolution.
        blocks: residual blocks at each resolution.

    Raises:
        UserError: the data is no images, or they are not of these sizes; or no such spatial code is
            on the way.

    Source: He et al. 2016, Identity mappings in deep residual networks (the order within a block);
    Wu & He 2018 (group normalisation); Esser et al. 2021 (VQGAN) for the whole, without attention.
    """
    check_numbers("resnet", likelihood)
    check_images("resnet", shape, SIDES)
    if type(blocks) is not int or blocks < 1:
        raise UserError(f"model.blocks must be a whole number of at least 1, not {blocks}")
    code = latent_shape(latents)
    sizes = halvings(tuple(shape[1:]), code)
    channels = widths(len(sizes), width)
    stages = list(zip(sizes[:-1], sizes[1:], channels[:-1], channels[1:], strict=True))

    down: list[nn.Module] = [*likelihood.input_layers(), nn.Conv2d(shape[0], width, 3, padding=1)]
    for large, small, wide, next_wide in stages:
        down += [Block(wide) for _ in range(blocks)]
        step = strides(large, small)
        down += [nn.Conv2d(wide, next_wide, 3, stride=step, padding=1)]  # type: ignore[arg-type]
    down += [Block(channels[-1]) for _ in range(blocks)]
    down += normalised(channels[-1])

    up: list[nn.Module] = [Block(channels[-1]) for _ in range(blocks)]
    for large, _, wide, next_wide in reversed(stages):
        up += [nn.Upsample(size=large), nn.Conv2d(next_wide, wide, 3, padding=1)]
        up += [Block(wide) for _ in range(blocks)]
    output = likelihood.output_shape(shape)[0]
    up += [*normalised(width), nn.Conv2d(width, output, 3, padding=1)]

    last = (channels[-1], *sizes[-1])
    if len(code) > 1:
        down += [nn.Conv2d(channels[-1], 2 * code[0], 3, padding=1)]
        up = [nn.Conv2d(code[0], channels[-1], 3, padding=1), *up]
    else:
        down += [nn.Flatten(), nn.Linear(count(last), 2 * count(code))]
        up = [nn.Linear(count(code), count(last)), nn.Unflatten(1, last), *up]
    return VAE(nn.Sequential(*down), nn.Sequential(*up), likelihood, count(code), code)


class Block(nn.Module):
    """Two convolutions, each after a normalisation, beside the way past them.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *normalised(channels),
            nn.Conv2d(channels, channels, 3, padding=1),
            *normalised(channels),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.body(x)
        return x + added


def normalised(channels: int) -> list[nn.Module]:
    """Group normalisation, and the nonlinearity after it."""
    return [nn.GroupNorm(math.gcd(GROUPS, channels), channels), nn.SiLU()]
