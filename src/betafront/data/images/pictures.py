"""Pictures of what a model does with images."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from betafront.data.data import Outcome
from betafront.files import opened_whole
from betafront.models import Model

COLUMNS = 16
TRAVERSED = 10  # latents
STEPS = 11  # of a latent from -3 to 3 standard deviations
GAP = 2  # pixels of white around each image
LEAST = 32  # pixels a side, to which smaller images are enlarged


@torch.no_grad()
def draw(vae: Model, x: Tensor, outcome: Outcome, folder: Path) -> None:
    """Write `reconstructions.png` (images above their reconstructions), `samples.png` (of the
    prior) and `traversals.png` (a latent a row, or a channel of a spatial code).

    Args:
        vae: the trained model.
        x: (n, C, H, W) validation images, on the model's device.
        outcome: of the run.
        folder: for the files, which is made.
    """
    folder.mkdir(exist_ok=True)
    vae.eval()
    shown = x[:COLUMNS]
    pairs = torch.cat([shown, vae.reconstruct(shown)])
    save(pairs, folder / "reconstructions.png", columns=len(shown))
    generator = torch.Generator(x.device).manual_seed(outcome.seed)
    save(vae.decode(vae.prior(4 * COLUMNS, generator)), folder / "samples.png", columns=COLUMNS)
    save(traversals(vae, x[:1], outcome), folder / "traversals.png", columns=STEPS)


def traversals(
    vae: Model, x: Tensor, outcome: Outcome, most: int = TRAVERSED, steps: int = STEPS
) -> Tensor:
    """One row per latent, the one of the highest KL first: the code of `x`, that latent from -3 to
    3 standard deviations of the prior. Of a spatial code one row per channel, which is moved by as
    much at all of its positions: set to one value everywhere, no image would be left."""
    channels, *positions = vae.latent_shape
    order = most_used(vae, outcome)[0][:most]
    z = vae.code(x).repeat(steps, 1)
    across = torch.linspace(-3, 3, steps).to(z)
    if not positions:
        return vae.decode(vae.moved(z, order, across).flatten(0, 1))
    codes = z.repeat(len(order), 1, 1).unflatten(2, (channels, -1))
    deviation = vae.prior_moments(z)[1].view(channels, -1)
    for code, j in zip(codes, order, strict=True):
        code[:, j] += across[:, None] * deviation[j]
    return vae.decode(codes.flatten(0, 1).flatten(1))


def most_used(vae: Model, outcome: Outcome) -> tuple[list[int], list[float]]:
    """The latents, or the channels of a spatial code, the one of the highest KL first, and the KL
    of each in nats."""
    kl = np.asarray(outcome.spectrum).reshape(vae.latent_shape[0], -1).sum(1)
    order = np.argsort(kl)[::-1]
    return order.tolist(), kl[order].tolist()


def save(x: Tensor, path: Path, columns: int) -> None:
    """Write (n, C, H, W) images in [0, 1] in rows of `columns`, small ones enlarged, on white. Of
    more than three channels the first three are shown as red, green and blue, of two the first."""
    from torchvision.transforms.functional import to_pil_image
    from torchvision.utils import make_grid

    x = x[:, : 3 if x.shape[1] >= 3 else 1]
    zoom = max(1, LEAST // x.shape[-1])
    grid = make_grid(
        interpolate(x, scale_factor=zoom).clamp(0, 1), nrow=columns, padding=GAP, pad_value=1
    )
    coloured = grid[: x.shape[1]]  # the grid of grey images has three equal channels
    picture = to_pil_image(coloured.mul(255).round().to("cpu", torch.uint8))
    # Packed lightly: to pack harder takes longer than all else here, and saves a few kB.
    with opened_whole(path) as sink:
        picture.save(sink, format="PNG", compress_level=1)
