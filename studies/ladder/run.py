"""Hierarchies on MNIST, and the rate and active units of each of their layers.

python -m studies.ladder.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.ladder.run --quick
"""

from pathlib import Path

from studies.ladder.figure import report
from studies.sweeps import Sweep, main

SMALL = (
    "data=digits", "model.latents=[4,2]", "model.hidden=[16,8]", "trainer.steps=40",
    "metrics.further.iwae.draws=[1,100]",
)  # fmt: skip
SWEEPS = (Sweep("", quick=SMALL),)


def layers(folders: dict[str, Path], results: Path, quick: bool) -> None:
    """Print the table of the layers, and draw it."""
    report(folders[""], results / "layers.png")


if __name__ == "__main__":
    main(__file__, SWEEPS, layers)
