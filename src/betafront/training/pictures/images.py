"""Pictures of one run: what the model does with images."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from betafront.models import Model
from betafront.training.result import Result

COLUMNS = 16
TRAVERSED = 10
GAP = 2


@torch.no_grad()
def draw_run(result: Result, vae: Model, x: Tensor, folder: Path) -> None:
    """Write `reconstructions.png`, `samples.png` and `traversals.png`.

    Args:
        result: of the run.
        vae: the trained model.
        x: (n, C, H, W) validation images.
        folder: where to.
    """
    folder.mkdir(exist_ok=True)
    vae.eval()
    shown = x[:COLUMNS]
    pairs = torch.cat([shown, vae.reconstruct(shown)])
    _save(pairs, folder / "reconstructions.png", columns=len(shown))
    generator = torch.Generator(x.device).manual_seed(result.seed)
    _save(vae.decode(vae.prior(4 * COLUMNS, generator)), folder / "samples.png", columns=COLUMNS)
    _save(_traversals(vae, x[:1], result.spectrum), folder / "traversals.png", columns=11)


def _traversals(vae: Model, x: Tensor, spectrum: list[float]) -> Tensor:
    """One row per latent, most used first: the first image's code, that latent from -3 to 3."""
    order = np.argsort(spectrum)[::-1][:TRAVERSED].tolist()
    z = vae.code(x).repeat(len(order) * 11, 1).view(len(order), 11, -1)
    for row, j in enumerate(order):
        z[row, :, j] = torch.linspace(-3, 3, 11)
    return vae.decode(z.flatten(0, 1))


def _save(x: Tensor, path: Path, columns: int) -> None:
    """Write (n, C, H, W) images in rows of `columns`, small ones enlarged, white between them."""
    from PIL import Image

    zoom = max(1, 32 // x.shape[-1])
    x = x.mul(255).add(0.5).clamp(0, 255).to("cpu", torch.uint8)
    x = pad(x.repeat_interleave(zoom, 2).repeat_interleave(zoom, 3), (GAP, 0, GAP, 0), value=255)
    rows = x.unflatten(0, (-1, columns)).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    grid = pad(rows, (0, 0, 0, GAP, 0, GAP), value=255)
    # Packed lightly: to pack harder takes longer than all else here, and saves a few kB.
    Image.fromarray(grid.squeeze(2).numpy()).save(path, compress_level=1)
