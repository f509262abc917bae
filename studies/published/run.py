"""The published rate and distortion at β = 1, and how near some minutes of training come.

python -m studies.published.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.published.run --quick
"""

import shutil
from pathlib import Path

from studies.sweeps import Sweep, main

from betafront.addresses import runs_folder
from studies import sweeps

SMALLER = (
    "data=digits",
    "~data.size",
    "data.limit=400",
    "model.width=2",
    "model.hidden=8",
    "trainer.steps=20",
)
SMALL = (*SMALLER, "objective.weight=0.5,1,2", "study.budget.trials=3")
SWEEPS = (Sweep("", ("study.workers=1",), SMALL),)
LONGER = ("study=published", "objective.weight=1", "trainer.steps=40000")


def longer(folders: dict[str, Path], results: Path, quick: bool) -> None:
    """The run at β = 1 with more steps."""
    place = runs_folder() / "published-longer"
    sweeps.betafront("train", *LONGER, *(SMALLER if quick else ()), f"hydra.run.dir={place}")
    shutil.copyfile(place / "result.json", results / "longer.json")


if __name__ == "__main__":
    main(__file__, SWEEPS, longer)
