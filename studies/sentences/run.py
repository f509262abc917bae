"""What keeps the KL of sentences from vanishing, in a small language and in Shakespeare's.

python -m studies.sentences.run           # BETAFRONT_DATA_DIR has text/tinyshakespeare.txt
python -m studies.sentences.run --quick
"""

import os
from pathlib import Path

from studies.sentences.figure import report
from studies.sweeps import Sweep, main

TEXT = Path(os.environ.get("BETAFRONT_DATA_DIR", ".")) / "text/tinyshakespeare.txt"
SHAKESPEARE = (
    f"data.path={TEXT}", "data.name=shakespeare", "data.empty=skip", "data.vocabulary=5000",
    "trainer.steps=1500", "trainer.aggressive=null,15", "metrics.further.iwae.draws=[1,10]",
)  # fmt: skip
SMALL = (
    "data.sentences=400", "trainer.steps=20", "model.embedding=8", "model.hidden=8",
    "model.latents=2", "trainer.aggressive=null,2", "metrics.further.iwae.draws=[1,10]",
    "schedule=constant,linear", "model.word_dropout=0,0.5", "study.budget.trials=5",
)  # fmt: skip
SWEEPS = (
    Sweep("language", ("study.workers=2",), SMALL),
    Sweep("shakespeare", ("study.workers=2", *SHAKESPEARE)),
)


def weights(folders: dict[str, Path], results: Path, quick: bool) -> None:
    """Print what came of each run, and draw its weight and KL over training."""
    for name, folder in folders.items():
        report(folder, results / name / "weight.png")


if __name__ == "__main__":
    main(__file__, SWEEPS, weights)
