"""What structure costs in distortion, and what two estimators of information say of it.

python -m studies.structure.run
python -m studies.structure.run --quick
"""

from pathlib import Path

from studies.structure.estimators import report
from studies.sweeps import Sweep, main

SMALL = (
    "objective.weight=1,4", "study.budget.trials=2", "study.replicates=2", "trainer.steps=40",
    "model.hidden=[16]",
)  # fmt: skip
SWEEPS = (Sweep("", ("study.workers=1",), SMALL),)


def estimators(folders: dict[str, Path], results: Path, quick: bool) -> None:
    """Print MIG and modularity by both estimators."""
    report(folders[""])


if __name__ == "__main__":
    main(__file__, SWEEPS, estimators)
