"""Pictures of one run: what the model does with images, and how the KL went over training."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.models import VAE
from betafront.training.module import Trace
from betafront.training.result import Result

COLUMNS = 16
TRAVERSED = 10


@torch.no_grad()
def draw_run(result: Result, vae: VAE, x: Tensor, trace: Trace, folder: Path) -> None:
    """Write `reconstructions.png`, `samples.png`, `traversals.png` and `training.png`.

    Args:
        result: of the run.
        vae: the trained model.
        x: (n, C, H, W) validation images.
        trace: arrays over optimiser steps: `step`, `beta`, `target`, `distortion`, `rate`.
        folder: where to.
    """
    folder.mkdir(exist_ok=True)
    vae.eval()
    shown = x[:COLUMNS]
    pairs = torch.cat([shown, vae.reconstruct(shown)])
    _save(pairs, folder / "reconstructions.png", columns=len(shown))
    generator = torch.Generator(x.device).manual_seed(result.seed)
    z = torch.randn(4 * COLUMNS, vae.latents, generator=generator, device=x.device)
    _save(vae.decode(z), folder / "samples.png", columns=COLUMNS)
    _save(_traversals(vae, x[:1], result.spectrum), folder / "traversals.png", columns=11)
    _draw_training(result, trace, folder / "training.png")


def _traversals(vae: VAE, x: Tensor, spectrum: list[float]) -> Tensor:
    """One row per latent, most used first: the first image's code, that latent from -3 to 3."""
    order = np.argsort(spectrum)[::-1][:TRAVERSED].tolist()
    z = vae.encode(x).mean.repeat(len(order) * 11, 1).view(len(order), 11, -1)
    for row, j in enumerate(order):
        z[row, :, j] = torch.linspace(-3, 3, 11)
    return vae.decode(z.flatten(0, 1))


def _save(x: Tensor, path: Path, columns: int) -> None:
    from torchvision.utils import save_image

    zoom = max(1, 32 // x.shape[-1])
    x = x.clamp(0, 1).repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    save_image(x, path, nrow=columns, pad_value=1.0)


def _draw_training(result: Result, trace: Trace, path: Path) -> None:
    """The weight and the KL over training on twin axes (Bowman et al. 2015, Figure 2), and the KL
    spectrum."""
    from matplotlib.figure import Figure

    holds = result.scale["holds"]
    figure = Figure(figsize=(9, 3.2))  # placed by hand: a layout engine doubles the time of a page
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.16, top=0.9, wspace=0.32)
    weight = left.twinx()
    lines = left.plot(trace["step"], trace["rate"], color="#1f77b4", lw=0.8, label="rate R")
    if holds == "rate":
        lines += left.plot(trace["step"], trace["target"], "k--", lw=0.8, label="target of R")
    lines += weight.plot(trace["step"], _seen(trace["beta"]), color="#d62728", label="weight β")
    left.set(xlabel="optimiser steps", ylabel="rate R (nats)", title="weight and KL over training")
    left.set_ylim(bottom=0)
    weight.set(ylabel="canonical β")
    weight.set_ylim(bottom=min(0, weight.get_ylim()[0]))
    left.legend(handles=lines, loc="lower right", fontsize="small")
    kl = sorted(result.spectrum, reverse=True)
    right.bar(range(1, len(kl) + 1), kl, color="#1f77b4")
    active = int(result.metrics["val/active_units"])
    right.set(xlabel="latent dimension, by KL", ylabel="KL (nats)")
    right.set_title(f"KL spectrum: {active} of {len(kl)} active")
    figure.savefig(path, dpi=80)


def _seen(beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """β over the steps; where a capacity flips its sign, the mean over the hundredth of the run
    before each step, which is what the model feels."""
    if beta.min() >= 0:
        return beta
    width = max(1, len(beta) // 100)
    total = np.cumsum(np.concatenate([np.zeros(1), beta]))
    first = np.maximum(np.arange(1, len(total)) - width, 0)
    return (total[1:] - total[first]) / (np.arange(1, len(total)) - first)
