"""Pictures of one run: what the model does with images, and how the KL went over training."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.models import VAE
from betafront.training.module import Trace
from betafront.training.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATE, WEIGHT, DISTORTION = "#1f77b4", "#d62728", "#2ca02c"
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
    """The weight and the KL over training on twin axes (Bowman et al. 2015, Figure 2), the
    distortion over training, and the KL spectrum."""
    from matplotlib.figure import Figure

    # Placed by hand: a layout engine doubles the time of a page.
    figure = Figure(figsize=(12, 3.2))
    axes = figure.subplots(1, 3, width_ratios=(4, 3, 3))
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.16, top=0.9, wspace=0.55)
    _draw_weight(axes[0], trace, result.scale["holds"] == "rate")
    _draw_distortion(axes[1], trace, result.scale["holds"] == "distortion")
    kl = sorted(result.spectrum, reverse=True)
    axes[2].bar(range(1, len(kl) + 1), kl, color=RATE)
    active = int(result.metrics["val/active_units"])
    axes[2].set(xlabel="latent dimension, by KL", ylabel="KL (nats)")
    axes[2].set_title(f"KL spectrum: {active} of {len(kl)} active")
    figure.savefig(path, dpi=80)


def _draw_weight(axis: "Axes", trace: Trace, held: bool) -> None:
    weight = axis.twinx()
    lines = axis.plot(trace["step"], trace["rate"], color=RATE, lw=0.8, label="rate R")
    if held:
        lines += axis.plot(trace["step"], trace["target"], "k--", lw=0.8, label="target of R")
    flips = trace["beta"].min() < 0  # a capacity's ±γ
    name = "±γ in force, running mean" if flips else "weight β"
    lines += weight.plot(trace["step"], felt(trace["beta"]), color=WEIGHT, label=name)
    axis.set(xlabel="optimiser steps", ylabel="rate R (nats)", title="weight and KL over training")
    axis.set_ylim(bottom=0)
    weight.set(ylabel="±γ" if flips else "canonical β")
    if trace["beta"].min() > 0 and trace["beta"].max() > 10 * trace["beta"].min():
        weight.set_yscale("log")
    else:
        weight.set_ylim(bottom=min(0, weight.get_ylim()[0]))
    axis.legend(handles=lines, loc="lower right", fontsize="small")


def _draw_distortion(axis: "Axes", trace: Trace, held: bool) -> None:
    axis.plot(trace["step"], trace["distortion"], color=DISTORTION, lw=0.8, label="distortion D")
    # The first steps are so far off that nothing else would be seen.
    low, high = np.quantile(trace["distortion"], [0, 0.97])
    axis.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    if held:
        axis.plot(trace["step"], trace["target"], "k--", lw=0.8, label="target of D")
    axis.set(xlabel="optimiser steps", ylabel="distortion D (nats)", title="distortion of training")
    axis.legend(loc="upper right", fontsize="small")


def felt(beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """β over the steps; where a capacity flips its sign, the mean over the twentieth of the run
    before each step, which is what the model feels."""
    if beta.min() >= 0:
        return beta
    width = max(1, len(beta) // 20)
    total = np.cumsum(np.concatenate([np.zeros(1), beta]))
    first = np.maximum(np.arange(1, len(total)) - width, 0)
    felt: NDArray[np.float64] = (total[1:] - total[first]) / (np.arange(1, len(total)) - first)
    return felt
