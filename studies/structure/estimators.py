"""MIG and modularity of the study's trained models by both estimators of information.

    python -m studies.structure.estimators runs/structure

The folder is that of the study, as `betafront sweep study=structure` leaves it.
"""

import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Literal

import torch
import yaml
from hydra.utils import instantiate
from safetensors.torch import load_file

from betafront.metrics.structure import mig, modularity
from betafront.models import mlp
from betafront.objective import Bernoulli

ESTIMATORS: tuple[Literal["neighbours", "bins"], ...] = ("neighbours", "bins")
METRICS = {"mig": mig, "modularity": modularity}


def values(folder: Path) -> dict[tuple[str, str], float]:
    """Each metric by each estimator, of the model of one run, on the validation split."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    data = instantiate({k: v for k, v in config["data"].items() if k != "augment"})
    own = config["model"]
    model = mlp(data.shape, Bernoulli(), latents=own["latents"], hidden=own["hidden"])
    model.load_state_dict(load_file(folder / "model.safetensors"))
    with torch.no_grad():
        codes = model.eval().code(data.examples("val")).numpy()
    factors = data.known("val").values
    return {
        (name, estimator): metric(codes, factors, estimator=estimator).values[name]
        for name, metric in METRICS.items()
        for estimator in ESTIMATORS
    }


def report(study: Path) -> None:
    """Print a row for each trial in a study's folder: means and deviations over its replicates."""
    print("trial", *(f"{name} by {estimator}" for name in METRICS for estimator in ESTIMATORS))
    for trial in sorted(study.glob("trial-*")):
        runs = [values(run.parent) for run in sorted(trial.rglob("model.safetensors"))]
        columns = [[run[key] for run in runs] for key in runs[0]]
        print(trial.name, *(f"{mean(c):.3f} ± {stdev(c):.3f}" for c in columns), sep="  ")


if __name__ == "__main__":
    report(Path(sys.argv[1]))
