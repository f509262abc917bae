"""The weight and the KL over training of every trial of the study (Bowman et al. 2015, Figure 2),
and a table of what came of them.

    python -m studies.sentences.figure runs/sentences-language figure.png

The folder is that of the study, as `betafront sweep study=sentences` leaves it.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.figure import Figure

RATE, WEIGHT = "#1f77b4", "#d62728"
ACROSS = 4  # panels
LEAST = 0.005  # nats, below which a rate is as good as none
COLUMNS = {
    "D": "distortion", "R": "rate", "D + R": "negative_elbo", "MI": "mutual_information",
    "active": "active_units", "NLL": "iwae_{k}", "perplexity": "iwae_perplexity_{k}",
}  # fmt: skip
SPLIT = "test"
DRAWS = re.compile(rf"{SPLIT}/iwae_(\d+)")


def cure(config: dict[str, Any]) -> str:
    """What a run does against a KL that vanishes."""
    schedule = config["schedule"]["_target_"].rpartition(".")[2].lower()
    parts = [] if schedule == "constant" else [schedule]
    if dropped := config["model"]["word_dropout"]:
        parts.append("no inputs" if dropped == 1 else f"word dropout {dropped:g}")
    if "nats" in config["shaping"]:
        parts.append(f"free bits {config['shaping']['nats']:g}")
    if most := config["trainer"].get("aggressive"):
        parts.append(f"aggressive {most}")
    return ", ".join(parts) or "none"


def read(folder: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The cure, the result and the trace of a run."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    with np.load(folder / "trace.npz") as trace:
        return cure(config), json.loads((folder / "result.json").read_text()), dict(trace)


def draw(runs: list[tuple[str, dict[str, Any], dict[str, Any]]], path: Path) -> None:
    """A panel for each run: R in nats per sentence, from its start to where it vanishes, and the
    weight in force."""
    down = -(-len(runs) // ACROSS)
    figure = Figure(figsize=(4 * ACROSS, 2.8 * down), layout="constrained")
    most = 1.5 * max(trace["rate"].max() for _, _, trace in runs)
    panels = list(figure.subplots(down, ACROSS, squeeze=False, sharex=True, sharey=True).flat)
    for (name, result, trace), panel in zip(runs, panels, strict=False):
        panel.plot(trace["step"], trace["rate"], color=RATE, lw=0.6)
        weight = panel.twinx()
        weight.plot(trace["step"], trace["beta"], color=WEIGHT, lw=1)
        panel.set_yscale("log")
        panel.set_ylim(LEAST, most)
        weight.set_ylim(-0.03, 1.05)
        panel.set_title(f"{name}: R = {result['metrics'][f'{SPLIT}/rate']:.2f} nats")
        panel.tick_params(axis="y", colors=RATE)
        weight.tick_params(axis="y", colors=WEIGHT)
    for panel in panels[len(runs) :]:
        panel.axis("off")
    figure.supxlabel("optimiser steps")
    figure.supylabel("rate R (nats)", color=RATE)
    figure.savefig(path, dpi=80)


def cells(result: dict[str, Any]) -> list[str]:
    """The columns of a run; the NLL is the bound of the most draws that there is."""
    metrics = result["metrics"]
    k = max((int(found[1]) for key in metrics if (found := DRAWS.fullmatch(key))), default=1)
    values = [metrics.get(f"{SPLIT}/{key.format(k=k)}") for key in COLUMNS.values()]
    updates = result["settings"].get("aggressive/encoder_updates", 0)
    return ["" if value is None else f"{value:.2f}" for value in values] + [f"{updates:g}"]


def report(study: Path, path: Path) -> None:
    """Print a table of the runs in a study's folder, and draw them."""
    folders = sorted(path.parent for path in study.glob("trial-*/**/result.json"))
    runs = [read(folder) for folder in folders]
    print("| cure |", " | ".join(COLUMNS), "| updates of the encoder alone |")
    print("| --- |" + " --- |" * (len(COLUMNS) + 1))
    for name, result, _ in runs:
        print(f"| {name} |", " | ".join(cells(result)), "|")
    if true := result["data"].get("true_nll"):
        print(f"| the language itself | | | | | | {true[SPLIT]:.2f} | | |")
    draw(runs, path)


if __name__ == "__main__":
    report(Path(sys.argv[1]), Path(sys.argv[2]))
