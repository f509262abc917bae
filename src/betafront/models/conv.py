"""Convolutional encoder and decoder for square images."""

from torch import nn

from betafront.errors import UserError
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood


def conv(
    shape: Shape, likelihood: Likelihood, latents: int = 8, width: int = 32, hidden: int = 128
) -> VAE:
    """A VAE of strided convolutions, for square images of 8 to 64 pixels with 1 or 3 channels.

    Each stage halves the image (rounding up) until it is 4 pixels wide or less, and doubles the
    channels up to four times `width`; the decoder mirrors the sizes that the encoder went through.

    Args:
        shape: channels, height and width of one image.
        likelihood: p(x|z).
        latents: M.
        width: channels after the first convolution.
        hidden: units of the fully connected layer beside the latents.

    Raises:
        UserError: the data is no images, or they are not square or not of these sizes.
    """
    if len(shape) != 3:
        raise UserError(
            f"model=conv is for images, and an example of this data has the shape {shape}: use "
            "model=mlp"
        )
    channels, height, side = shape
    if height != side or not 8 <= side <= 64 or channels not in (1, 3):
        raise UserError(
            "model=conv is for square images of 8 to 64 pixels with 1 or 3 channels, but these are "
            f"{channels} x {height} x {side} (channels x height x width): use model=mlp"
        )
    sides = [side]
    while sides[-1] > 4:
        sides.append((sides[-1] + 1) // 2)
    widths = [channels, *(width * min(2**i, 4) for i in range(len(sides) - 1))]
    flat = widths[-1] * sides[-1] ** 2

    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for i in range(len(sides) - 1):
        down += [nn.Conv2d(widths[i], widths[i + 1], 3, stride=2, padding=1), nn.ReLU()]
        # A stride of 2 gives 2·small - 1 pixels; one more where the larger side was even.
        more = sides[i] - (2 * sides[i + 1] - 1)
        into = widths[i] if i else likelihood.output_shape(shape)[0]
        up = [
            nn.ReLU(),
            nn.ConvTranspose2d(widths[i + 1], into, 3, stride=2, padding=1, output_padding=more),
            *up,
        ]
    encoder = nn.Sequential(
        *down, nn.Flatten(), nn.Linear(flat, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latents)
    )
    decoder = nn.Sequential(
        nn.Linear(latents, hidden),
        nn.ReLU(),
        nn.Linear(hidden, flat),
        nn.Unflatten(1, (widths[-1], sides[-1], sides[-1])),
        *up,
    )
    return VAE(encoder, decoder, likelihood, latents)
