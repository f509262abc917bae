"""Reports with every figure that there is, of trials that nobody trained."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from betafront.front import Facts
from betafront.front.comparison import Group, compare
from betafront.front.floor import Floor
from betafront.front.show import Chapter, write_page
from betafront.front.show.report import LatentsShown, Shown
from betafront.objective import NORMALISATIONS

N, M, TRIALS, REPLICATES = 1024, 10, 28, 3
PLANE = {"val/rate": "minimize", "val/distortion": "minimize"}
THREE = {**PLANE, "val/mig": "maximize"}
STATES = ("settled", "settled", "still falling", "overfitted", "collapsed", "unstable")
SCHEDULES = ("constant", "linear_warm_up", "cyclical_annealing_of_four_cycles")
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAMLCwgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="


def runs(seed: int) -> pd.DataFrame:
    """A row for each replicate of each trial."""
    draws, rows = np.random.default_rng(seed), []
    for trial, beta in enumerate(np.geomspace(0.02, 90, TRIALS)):
        norm = list(NORMALISATIONS.values())[trial % len(NORMALISATIONS)]
        for replicate in range(REPLICATES):
            rate = 60 / (1 + 3 * beta) * np.exp(0.05 * draws.normal())
            distortion = 900 + 40 * beta**0.5 + 9 * draws.normal()
            rows.append({
                "trial": trial, "replicate": replicate, "objective.weight": norm.weight(beta, N, M),
                "weight": norm.weight(beta, N, M), "normalisation": norm.name,
                "schedule": SCHEDULES[trial % 3], "beta": beta, "beta_norm": beta * M / N,
                "sigma": 0.5, "pixels": N, "latents": M, "val/rate": rate,
                "val/distortion": distortion, "val/negative_elbo": rate + distortion,
                "val/mse": distortion / 1e4, "val/active_units": 8.0,
                "val/mig": 0.3 * beta / (1 + beta) + 0.02 * draws.random(),
                "standing": STATES[trial % len(STATES)], "kept_step": 800, "steps": 4000,
                "over": 9.0, "since": 300, "seconds": 1.0, "finished": float(trial),
                "folder": f"trial-{trial:04d}",
            })  # fmt: skip
    return pd.DataFrame(rows)


def chapter(name: str, objectives: dict[str, str], seed: int = 0) -> Chapter:
    """A study with pictures, curves and parameters of every kind."""
    each = runs(seed)
    table = each.groupby("trial", as_index=False).first().drop(columns="replicate")
    steps = np.linspace(0, 4000, 40)
    shown = [
        Shown(
            trial,
            {"reconstructions": PIXEL},
            {"step": list(steps), "beta": list(beta * (1 - np.exp(-steps / 500)) + 1e-6),
             "rate": list(60 / (1 + 3 * beta) * (1 + np.exp(-steps / 300)))},
            list(np.linspace(9 / (1 + beta), 0, M)),
            latents=latents(beta, hierarchy=trial % 8 == 0),
        )
        for trial, beta in zip(table["trial"], table["beta"], strict=True)
        if trial % 4 == 0
    ]  # fmt: skip
    facts = Facts(
        name=name, question="Which weight?", objectives=objectives,
        reference=[80.0, 1400.0, 0.0][: len(objectives)], pixels=N, latents=M, budget=TRIALS,
        counts={"complete": TRIALS}, parameters=["objective.weight", "normalisation", "schedule"],
        one_scale=True, command=f"betafront sweep study.name={name}", data="data example",
        floor=Floor((9.0, 1.0), (0.0, 60.0), (960.0, 890.0)) if objectives == PLANE else None,
    )  # fmt: skip
    return Chapter(facts, table, each, shown=shown, thumbnails=dict.fromkeys(range(TRIALS), PIXEL))


def latents(beta: float, hierarchy: bool) -> LatentsShown:
    """Of two layers, which die one after another, or of one layer at a single validation."""
    steps = list(range(200, 4001, 200)) if hierarchy else [4000]
    of = (M - 3, 3) if hierarchy else (M,)
    kl = [[9 / (1 + beta) * np.exp(-step * j / 4000) for step in steps] for j in range(M)]
    names = [f"z{j + 1} of layer {i}" for i, width in enumerate(of, 1) for j in range(width)]
    active = {
        f"layer {i}, of {width}": [max(0, width - step // 1000) for step in steps]
        for i, width in enumerate(of, 1)
    }
    return LatentsShown(steps, names, kl, active, ["partly collapsed: 5 of 10 latents active"])


def reports(folder: Path) -> Iterator[Path]:
    """A page of one study, of a study with three objectives, and of two studies side by side."""
    one = chapter("weighting-digits", PLANE)
    write_page([one], folder / "one.html")
    yield folder / "one.html"
    write_page([chapter("structure-sprites_small", THREE)], folder / "three.html")
    yield folder / "three.html"
    both = [one, chapter("weighting-digits-with-a-convolutional-encoder", PLANE, seed=1)]
    groups = [Group(c.facts.name, c.table, c.runs) for c in both]
    worst = [80.0, 1400.0]
    write_page(both, folder / "two.html", groups, compare(groups, PLANE, worst))
    yield folder / "two.html"
