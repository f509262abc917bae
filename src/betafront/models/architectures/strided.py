"""Encoder and decoder of strided convolutions, along a signal or over an image."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from torch import nn

from betafront.errors import UserError
from betafront.models.architectures.latents import Latents, count, latent_shape
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood

LEAST = 4  # positions a side, from which on it is not halved
MOST_WIDE = 4  # times the first width, up to which the channels are doubled

# By the number of dimensions: convolutions down and up.
LAYERS: dict[int, tuple[Callable[..., nn.Module], Callable[..., nn.Module]]] = {
    1: (nn.Conv1d, nn.ConvTranspose1d),
    2: (nn.Conv2d, nn.ConvTranspose2d),
}


def halvings(size: Shape, code: Shape) -> list[Shape]:
    """The sizes that an image or a signal goes through, itself first: each side of more than
    `LEAST` positions is halved, rounding up, until none is left, or until a spatial code has its
    size.

    Args:
        size: of the image or the signal.
        code: (M,), or the channels and positions of a spatial code.

    Raises:
        UserError: no such code is on the way.
    """
    sizes, until = [size], code[1:]
    while max(sizes[-1]) > LEAST and not (until and sizes[-1] == until and len(sizes) > 1):
        sizes.append(tuple((side + 1) // 2 if side > LEAST else side for side in sizes[-1]))
    if until and (sizes[-1] != until or len(sizes) == 1):
        there = ", ".join(f"[C, {', '.join(map(str, one))}]" for one in sizes[1:])
        raise UserError(
            f"model.latents={list(code)}: of examples of {by(size)} there are spatial codes of "
            f"{there or 'no size'}, C being the channels: give one of these, or a number"
        )
    return sizes


def widths(n: int, width: int) -> list[int]:
    """The channels of n sizes: `width`, and doubled from each to the next up to `MOST_WIDE` times
    that.

    Raises:
        UserError: the width is no number of channels.
    """
    if type(width) is not int or width < 1:
        raise UserError(f"model.width must be a whole number of at least 1, not {width}")
    return [width * min(2**i, MOST_WIDE) for i in range(n)]


def strides(large: Shape, small: Shape) -> Shape:
    """The steps of a convolution that brings `large` to `small`, a halving."""
    return tuple(1 if a == b else 2 for a, b in zip(large, small, strict=True))


def strided(shape: Shape, likelihood: Likelihood, latents: Latents, width: int, hidden: int) -> VAE:
    """A VAE of strided convolutions.

    Each stage halves the example (`halvings`) and doubles the channels up to four times `width`;
    the decoder mirrors the sizes that the encoder went through.

    Args:
        shape: channels and length of a signal; channels, height and width of an image.
        likelihood: p(x|z).
        latents: M, for which a fully connected layer of `hidden` units is on either side; or
            [C, …] of a spatial code, for which there is none.
        width: channels after the first convolution.
        hidden: as above.
    """
    code, (into, *size) = latent_shape(latents), shape
    down, up = LAYERS[len(size)]
    sizes = halvings(tuple(size), code)
    channels = [into, *widths(len(sizes) - 1, width)]
    encoder: list[nn.Module] = [*likelihood.input_layers()]
    decoder: list[nn.Module] = []
    for i, (large, small) in enumerate(pairwise(sizes)):
        steps = strides(large, small)
        how: dict[str, Any] = {"stride": steps, "padding": 1}
        encoder += [down(channels[i], channels[i + 1], 3, **how), nn.ReLU()]
        # A stride of s gives s·(small - 1) + 1 positions; one more where the larger side was even.
        more = tuple(a - (s * (b - 1) + 1) for a, b, s in zip(large, small, steps, strict=True))
        out = channels[i] if i else likelihood.output_shape(shape)[0]
        decoder = [nn.ReLU(), up(channels[i + 1], out, 3, **how, output_padding=more), *decoder]
    if len(code) > 1:
        encoder += [down(channels[-1], 2 * code[0], 3, padding=1)]
        decoder = [down(code[0], channels[-1], 3, padding=1), *decoder]
    else:
        last = (channels[-1], *sizes[-1])
        encoder += [*flat_head(last, hidden, 2 * count(code))]
        decoder = [*flat_tail(count(code), hidden, last), *decoder]
    parts = nn.Sequential(*encoder), nn.Sequential(*decoder)
    return VAE(*parts, likelihood, count(code), code)


def flat_head(size: Shape, hidden: int, out: int) -> list[nn.Module]:
    """From features of `size` to `out` numbers, over a fully connected layer."""
    return [nn.Flatten(), nn.Linear(count(size), hidden), nn.ReLU(), nn.Linear(hidden, out)]


def flat_tail(latents: int, hidden: int, size: Shape) -> list[nn.Module]:
    """From a code to features of `size`, over a fully connected layer."""
    return [
        nn.Linear(latents, hidden), nn.ReLU(), nn.Linear(hidden, count(size)),
        nn.Unflatten(1, size),
    ]  # fmt: skip


def by(size: Shape) -> str:
    """A size in words, as 28 x 32."""
    return " x ".join(map(str, size))
