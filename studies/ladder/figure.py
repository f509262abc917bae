"""The rate and the active units of each layer of every trial of the study, and a table of them.

    python -m studies.ladder.figure runs/ladder figure.png

The folder is that of the study, as `betafront sweep study=ladder` leaves it.
"""

import json
import sys
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from matplotlib import colormaps
from matplotlib.figure import Figure

SPLIT = "test"
COLUMNS = {"D": "distortion", "R": "rate", "D + R": "negative_elbo", "IWAE": "iwae_100"}


def settings(config: dict[str, Any]) -> list[str]:
    """What a run was trained with: the model, batch normalisation, warm-up."""
    kind = config["model"]["_target_"].rpartition(".")[2]
    warm_up = "warmup" in config["schedule"]
    return [kind, "yes" if config["model"]["batch_norm"] else "no", "yes" if warm_up else "no"]


def of_layers(metrics: dict[str, float], name: str) -> list[float]:
    """A metric of each layer, the one next to the image first."""
    keys = (f"{SPLIT}/{name}_layer_{layer}" for layer in count(1))
    found = []
    for key in keys:
        if key not in metrics:
            break
        found.append(metrics[key])
    return found


def draw(runs: list[tuple[list[str], dict[str, float]]], path: Path) -> None:
    """A bar of R for each run, in parts of its layers, with their active units."""
    figure = Figure(figsize=(9, 0.45 * len(runs) + 1.2), layout="constrained")
    axes = figure.subplots()
    layers = max(len(of_layers(metrics, "rate")) for _, metrics in runs)
    colours = [colormaps["viridis"](0.15 + 0.8 * layer / layers) for layer in range(layers)]
    for place, (_, metrics) in enumerate(runs):
        left = 0.0
        for layer, rate in enumerate(of_layers(metrics, "rate")):
            label = f"layer {layer + 1}" if place == 0 else None
            axes.barh(place, rate, left=left, color=colours[layer], label=label)
            left += max(rate, 0.0)
        active = ", ".join(f"{units:g}" for units in of_layers(metrics, "active_units"))
        axes.text(left + 0.3, place, f"{active} active", va="center")
    labels = []
    for (kind, normalised, warm), _ in runs:
        with_ = [name for name, on in (("BN", normalised), ("warm-up", warm)) if on == "yes"]
        labels.append(f"{kind}: {' and '.join(with_) or 'neither'}")
    axes.set_yticks(range(len(runs)), labels)
    axes.set_xlim(0, 1.35 * max(metrics[f"{SPLIT}/rate"] for _, metrics in runs))
    axes.set_xlabel("rate R (nats), by layer")
    figure.legend(loc="outside right upper")
    axes.invert_yaxis()
    figure.savefig(path, dpi=100)


def report(study: Path, path: Path) -> None:
    """Print a table of the runs in a study's folder, and draw them."""
    runs = []
    for folder in sorted(study.glob("trial-*")):
        metrics = json.loads((folder / "result.json").read_text())["metrics"]
        runs.append((settings(yaml.safe_load((folder / "config.yaml").read_text())), metrics))
    runs.sort(key=lambda run: (run[0][0] != "ladder", run[1][f"{SPLIT}/iwae_100"]))
    head = ["model", "BN", "warm-up", *COLUMNS, "active units", "R of the layers"]
    print("|", " | ".join(head), "|\n|", " | ".join("---" for _ in head), "|")
    for told, metrics in runs:
        values = [f"{metrics[f'{SPLIT}/{name}']:.2f}" for name in COLUMNS.values()]
        active = ", ".join(f"{units:g}" for units in of_layers(metrics, "active_units"))
        rates = ", ".join(f"{max(rate, 0.0):.2f}" for rate in of_layers(metrics, "rate"))
        print("|", " | ".join([*told, *values, active, rates]), "|")
    draw(runs, path)


if __name__ == "__main__":
    report(Path(sys.argv[1]), Path(sys.argv[2]))
