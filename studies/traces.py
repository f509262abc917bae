"""The weight and the KL over training, a panel for each run (Bowman et al. 2015, Figure 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

RATE, WEIGHT = "#1f77b4", "#d62728"
LEAST = 0.005  # nats, below which a rate is as good as none


@dataclass(frozen=True)
class Trace:
    """A run.

    Attributes:
        title: of its panel.
        step: optimiser steps.
        rate: R in nats per example, at each of them.
        weight: in force at each of them, over that at the end.
    """

    title: str
    step: Any
    rate: Any
    weight: Any


def draw(runs: Sequence[Trace], path: Path, across: int = 4) -> None:
    """A panel for each run: R on a logarithmic axis, from its start to where it vanishes, and the
    weight.

    Args:
        runs: in order.
        path: of the picture.
        across: panels in a row.
    """
    down = -(-len(runs) // across)
    figure = Figure(figsize=(4 * across, 2.8 * down), layout="constrained")
    highest = max(run.rate.max() for run in runs)
    heaviest = max(run.weight.max() for run in runs)
    panels = list(figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).flat)
    for i, (run, panel) in enumerate(zip(runs, panels, strict=False)):
        panel.plot(run.step, run.rate, color=RATE, lw=0.6)
        weight = panel.twinx()
        weight.plot(run.step, run.weight, color=WEIGHT, lw=1)
        panel.set_yscale("log")
        panel.set_ylim(LEAST, 1.5 * highest)
        weight.set_ylim(-0.03 * heaviest, 1.05 * heaviest)
        panel.set_title(run.title)
        panel.tick_params(axis="y", colors=RATE)
        weight.tick_params(axis="y", colors=WEIGHT)
        if i % across == across - 1 or i == len(runs) - 1:
            weight.set_ylabel("weight (final: 1)", color=WEIGHT)
    for panel in panels[len(runs) :]:
        panel.axis("off")
    figure.supxlabel("optimiser steps")
    figure.supylabel("rate R (nats)", color=RATE)
    figure.savefig(path, dpi=80)
