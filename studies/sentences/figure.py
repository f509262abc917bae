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
from studies.traces import Trace, draw

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


def trace_of(name: str, result: dict[str, Any], trace: dict[str, Any]) -> Trace:
    """What is drawn of a run."""
    rate = result["metrics"][f"{SPLIT}/rate"]
    return Trace(f"{name}: R = {rate:.2f} nats", trace["step"], trace["rate"], trace["beta"])


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
    draw([trace_of(*run) for run in runs], path)


if __name__ == "__main__":
    report(Path(sys.argv[1]), Path(sys.argv[2]))
