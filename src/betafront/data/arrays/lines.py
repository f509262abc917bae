"""Pictures of what a model does with signals: lines."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.data import Outcome
from betafront.data.images.pictures import traversals
from betafront.files import opened_whole
from betafront.models import Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS, COLUMNS = 3, 4  # panels
CHANNELS = 3  # of a signal that are drawn, the first ones
COLOURS = ("#1f77b4", "#d62728", "#2ca02c")
GIVEN = "#999999"  # the example, below its reconstruction
TRAVERSED = ROWS * COLUMNS  # latents
STEPS = 7  # of a latent from -3 to 3
DPI = 80


@torch.no_grad()
def draw(model: Model, x: Tensor, outcome: Outcome, folder: Path) -> None:
    """Write `reconstructions.png` (each example in grey, below its reconstruction), `samples.png`
    (of the prior) and `traversals.png` (a latent a panel, the one of the highest KL first: the
    first channel, as that latent goes from -3, dark, to 3, bright, standard deviations).

    Args:
        model: trained.
        x: (n, C, L) validation signals, on the model's device.
        outcome: of the run.
        folder: for the files, which is made.
    """
    folder.mkdir(exist_ok=True)
    model.eval()
    shown = x[: ROWS * COLUMNS]
    generator = torch.Generator(x.device).manual_seed(outcome.seed)
    samples = model.decode(model.prior(ROWS * COLUMNS, generator))
    _draw(folder / "reconstructions.png", model.reconstruct(shown), below=shown)
    _draw(folder / "samples.png", samples)
    moved = traversals(model, x[:1], outcome, TRAVERSED, STEPS)[:, 0]  # of the first channel
    _draw(folder / "traversals.png", moved.unflatten(0, (-1, STEPS)), steps=True)


def _draw(path: Path, x: Tensor, below: Tensor | None = None, steps: bool = False) -> None:
    """Write (n, lines, L) numbers, a panel each; all panels have one scale.

    Args:
        path: of the PNG.
        x: the lines.
        below: lines that are drawn in grey, before the others.
        steps: whether the lines are steps of a latent, and not channels.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6))
    panels = figure.subplots(ROWS, COLUMNS, sharex=True, sharey=True).ravel().tolist()
    colours = colormaps["viridis"](np.linspace(0, 0.9, STEPS)) if steps else COLOURS
    most = STEPS if steps else CHANNELS
    for i, (panel, lines) in enumerate(zip(panels, x, strict=False)):
        if below is not None:
            _lines(panel, below[i, :most], [GIVEN] * most, width=2.0)
        _lines(panel, lines[:most], colours, width=1.0)
    for panel in panels[len(x) :]:
        panel.set_axis_off()
    figure.subplots_adjust(0.05, 0.06, 0.99, 0.98, wspace=0.05, hspace=0.08)
    with opened_whole(path) as sink:
        figure.savefig(sink, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})


def _lines(panel: "Axes", lines: Tensor, colours: Iterable[Any], width: float) -> None:
    for line, colour in zip(lines.cpu().numpy(), colours, strict=False):
        panel.plot(line, color=colour, linewidth=width)
