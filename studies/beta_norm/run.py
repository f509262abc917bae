"""Number of latents times β_norm: structure, or the digit, and distortion, on sprites and MNIST.

python -m studies.beta_norm.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.beta_norm.run --quick
"""

from pathlib import Path

from studies.beta_norm import found
from studies.sweeps import Sweep, main

# Its factors are not known, and its labels are: how well they are read off the code.
MNIST = (
    "data=mnist", "data.limit=12000", "likelihood=gaussian", "likelihood.mode=optimal",
    "study.objectives=[val/rate,val/distortion,val/linear_probe]", "~metrics.further.mig",
    "+metrics.further.linear_probe={}", "study.replicates=1",
)  # fmt: skip
SMALL = (
    "objective.weight=0.01,1", "model.latents=2,4", "study.budget.trials=4", "study.replicates=1",
    "trainer.steps=40", "model.hidden=[16]", "data.scales=2", "data.orientations=2",
)  # fmt: skip
SWEEPS = (Sweep("sprites", quick=SMALL), Sweep("mnist", MNIST))


def maps(folders: dict[str, Path], results: Path, quick: bool) -> None:
    """Print where structure is best, and draw the maps."""
    found.main(results)


if __name__ == "__main__":
    main(__file__, SWEEPS, maps)
