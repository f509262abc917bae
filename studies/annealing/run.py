"""Every schedule at the same final β, steps and seeds, on digits and on MNIST.

    python -m studies.annealing.run           # MNIST from the folder of BETAFRONT_DATA_DIR
    python -m studies.annealing.run --quick

A schedule is a study of its own, with the same points in the same order: so its runs have the seeds
of the runs of the others at the same β. Two studies are done side by side, a process each.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from studies.annealing import found

from betafront import study
from studies import sweeps

SCHEDULES = ("constant", "linear", "sigmoid", "cosine", "cyclical", "staircase")
EVERY = 10  # steps, of which the curves that are kept have the mean


@dataclass(frozen=True)
class Images:
    """The studies of one set of images.

    Attributes:
        name: of the images.
        words: overrides.
        betas: the final β, the one whose curves are kept first.
        seeds: runs at each.
        parts: schedules, of which each is a study.
    """

    name: str
    words: tuple[str, ...]
    betas: tuple[float, ...]
    seeds: int
    parts: tuple[str, ...] = SCHEDULES

    def study(self, schedule: str) -> str:
        """The name of the study of a schedule."""
        return f"annealing-{self.name}-{schedule}"

    def sweep(self, schedule: str) -> None:
        """Have the study of a schedule done."""
        points = [{"objective.weight": beta} for beta in self.betas]
        searched = ",".join(f"{beta:g}" for beta in sorted(self.betas))
        size = (f"objective.weight={searched}", f"study.replicates={self.seeds}")
        words = (f"schedule={schedule}", *size, *self.words)
        sweeps.at_points("annealing", self.study(schedule), points, *words, *sweeps.ALONE)

    def runs(self, schedule: str) -> pd.DataFrame:
        """The runs of a schedule."""
        names = {"images": self.name, "schedule": schedule}
        return study(self.study(schedule)).runs.assign(**names)[found.COLUMNS]

    def curve(self, schedule: str) -> pd.DataFrame:
        """The weight and R over the steps of the first run at the first β."""
        done = study(self.study(schedule))
        first = done.trials.set_index("trial").loc[0]
        with np.load(done.folder / first["folder"] / "trace.npz") as trace:
            steps = pd.DataFrame({name: trace[name] for name in ("step", "beta", "rate")})
        means = steps.groupby(steps.index // EVERY).mean()
        names = {"images": self.name, "schedule": schedule, "final": first["beta"]}
        return means.assign(**names)


IMAGES = (
    Images("digits", (), (4, 0.5, 1, 2, 6, 8), 3),
    Images("mnist", ("data=mnist", "data.limit=12000"), (10, 3, 30, 60), 2),
)
QUICK = Images(
    "digits", ("trainer.steps=300", "model.hidden=[32]", "optimizer.lr=0.003"), (4, 1), 2,
    ("constant", "linear"),
)  # fmt: skip

if __name__ == "__main__":
    tables = {"runs": Images.runs, "curves": Images.curve}
    sweeps.in_parts(__file__, IMAGES, QUICK, tables, found.main)
