"""Constant β without and with a ramp, a controlled rate or distortion, a capacity of two weights;
on digits and on MNIST.

python -m studies.controllers.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.controllers.run --quick
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from studies.controllers import found

from betafront import study
from betafront.study.trials.replicates import run_folder
from studies import sweeps

WINDOW = 50  # steps, whose mean R is compared with the end
NEAR = 0.05  # of that at the end


@dataclass(frozen=True)
class Images:
    """The studies of one set of images.

    Attributes:
        name: of the images.
        words: overrides.
        seeds: runs at each value.
        values: of each method: the final β, and the targets in nats of D or R.
        gamma: the weight on |R - C| of a capacity, of which there is half as well.
    """

    name: str
    words: tuple[str, ...]
    seeds: int
    values: Mapping[str, tuple[float, ...]]
    gamma: float

    @property
    def parts(self) -> tuple[str, ...]:
        """The methods, of which each is a study."""
        return tuple(self.values)

    def sweep(self, method: str) -> None:
        """Have the study of a method done."""
        values = ",".join(f"{value:g}" for value in self.values[method])
        own = {
            "constant": (f"objective.weight={values}",),
            "ramp": (f"objective.weight={values}", "schedule=linear"),
            "geco": ("controller=geco", "objective.weight=1", f"+controller.target={values}"),
            "controlvae": (
                "controller=controlvae", "objective.weight=1", f"+controller.target={values}",
            ),
            "capacity": (*self._capacity(self.gamma), f"shaping.nats={values}"),
            "capacity-half": (*self._capacity(self.gamma / 2), f"shaping.nats={values}"),
        }[method]  # fmt: skip
        budget = f"study.budget.trials={len(self.values[method])}"
        words = (*self.words, *own, budget, f"study.replicates={self.seeds}", *sweeps.ALONE)
        sweeps.swept("controllers", sweeps.Sweep(f"{self.name}-{method}", words), quick=False)

    def _capacity(self, gamma: float) -> tuple[str, ...]:
        return "shaping=capacity", f"objective.weight={gamma:g}"

    def runs(self, method: str) -> pd.DataFrame:
        """The runs of a method."""
        done = study(f"controllers-{self.name}-{method}")
        runs = done.runs.assign(images=self.name, method=method)
        places = zip(runs["trial"], runs["replicate"], strict=True)
        steps = [settled(done.folder / run_folder(*place)) for place in places]
        return runs.assign(settled=steps)[found.COLUMNS]


def settled(folder: Path) -> float:
    """The optimiser steps from which the R of a run stays near to that of its end, which is the
    mean over the last tenth; NaN where it does not within that tenth.

    Args:
        folder: of the run.
    """
    with np.load(folder / "trace.npz") as trace:
        rate: Any = trace["rate"]
    end = rate[-max(1, len(rate) // 10) :].mean()
    means = np.convolve(rate, np.full(WINDOW, 1 / WINDOW), "valid")
    away = np.flatnonzero(abs(means - end) > NEAR * end)
    steps = int(away[-1]) + WINDOW + 1 if len(away) else 0
    return steps if steps <= 0.9 * len(rate) else math.nan


def values(
    betas: tuple[float, ...], distortions: tuple[float, ...], rates: tuple[float, ...]
) -> Mapping[str, tuple[float, ...]]:
    """What each method is given. With half of γ the least rate is left out, whose β is above it.

    Args:
        betas: of runs at a constant β, and of those that come to it.
        distortions: in nats, for GECO.
        rates: in nats, in rising order.
    """
    return {
        "constant": betas, "geco": distortions, "controlvae": rates, "capacity": rates,
        "ramp": betas, "capacity-half": rates[1:],
    }  # fmt: skip


IMAGES = (
    Images("digits", (), 3, values((1.5, 2, 3, 4, 5, 6.5), (-10, -22, -32), (3, 5, 8)), 12),
    Images(
        "mnist", ("data=mnist", "data.limit=12000", "trainer.steps=3000"), 2,
        values((3, 5, 8, 13, 20, 35), (-180, -270, -330), (5, 9, 13)), 60,
    ),
)  # fmt: skip
QUICK = Images(
    "digits", ("trainer.steps=200", "model.hidden=[32]", "optimizer.lr=0.003"), 2,
    {"constant": (0.5, 1, 2), "geco": (-10,), "controlvae": (5,), "capacity": (5,)}, 6,
)  # fmt: skip

if __name__ == "__main__":
    tables = {"runs": Images.runs}
    sweeps.in_parts(__file__, IMAGES, QUICK, tables, found.main)
