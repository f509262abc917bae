"""A Gaussian with σ fixed, learned, optimal and per image, and five other likelihoods.

python -m studies.likelihoods.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.likelihoods.run --quick
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from studies.likelihoods import found

from betafront import study
from studies import sweeps

LIKELIHOODS: Mapping[str, tuple[str, ...]] = {  # the one that takes longest first
    "categorical": ("likelihood=categorical",),
    found.FIXED: ("likelihood=gaussian", "likelihood.mode=fixed"),
    "gaussian, learned σ": ("likelihood=gaussian", "likelihood.mode=learned"),
    "gaussian, optimal σ": ("likelihood=gaussian", "likelihood.mode=optimal"),
    "gaussian, σ per image": ("likelihood=gaussian_per_image",),
    "beta": ("likelihood=beta",),
    "bernoulli": ("likelihood=bernoulli", "likelihood.grey=true"),
    "continuous bernoulli": ("likelihood=continuous_bernoulli",),
    "discretised logistic": ("likelihood=discretized_logistic",),
}
# Every β or σ that is named, where the recipe searches a range of β.
EACH = ("study.sampler=grid", "study.stack=auto", "trainer.steps=2000")


@dataclass(frozen=True)
class Images:
    """The studies of one set of images.

    Attributes:
        name: of the images.
        words: overrides.
        betas: of each likelihood but the Gaussian with a fixed σ, which has β = 1.
        sigmas: its σ.
        seeds: runs at each.
        parts: likelihoods, of which each is a study.
    """

    name: str
    words: tuple[str, ...]
    betas: tuple[float, ...]
    sigmas: tuple[float, ...]
    seeds: int
    parts: tuple[str, ...] = tuple(LIKELIHOODS)

    def study(self, likelihood: str) -> str:
        """The name of the study of a likelihood."""
        plain = likelihood.replace("σ", "sigma").replace(",", "").replace(" ", "-")
        return f"{self.name}-{plain}"

    def sweep(self, likelihood: str) -> None:
        """Have the study of a likelihood done."""
        fixed = likelihood == found.FIXED
        values = self.sigmas if fixed else self.betas
        listed = ",".join(map(str, values))
        over = ("objective.weight=1", f"likelihood.sigma={listed}") if fixed else (
            f"objective.weight={listed}",
        )  # fmt: skip
        size = (f"study.budget.trials={len(values)}", f"study.replicates={self.seeds}")
        words = (*EACH, *self.words, *LIKELIHOODS[likelihood], *over, *size, *sweeps.ALONE)
        sweeps.swept("likelihoods", sweeps.Sweep(self.study(likelihood), words), quick=False)

    def runs(self, likelihood: str) -> pd.DataFrame:
        """The runs of a likelihood."""
        runs = study(f"likelihoods-{self.study(likelihood)}").runs
        return runs.assign(images=self.name, likelihood=likelihood)[found.COLUMNS]


IMAGES = (
    Images(
        "mnist", ("data=mnist", "data.limit=12000", "data.levels=16"), (1, 3),
        (0.5, 0.25, 0.18, 0.13, 0.09), 2,
    ),
    Images("digits", (), (0.5, 1, 2), (1, 0.5, 0.25, 0.18, 0.13, 0.09, 0.06), 3),
)  # fmt: skip
QUICK = Images(
    "digits", ("trainer.steps=200", "model.hidden=[32]", "optimizer.lr=0.003"), (1,),
    (0.5, 0.2, 0.1), 2, (found.FIXED, "gaussian, learned σ", "bernoulli", "beta"),
)  # fmt: skip

if __name__ == "__main__":
    tables = {"runs": Images.runs}
    sweeps.in_parts(__file__, IMAGES, QUICK, tables, found.main)
