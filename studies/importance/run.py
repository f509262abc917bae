"""More draws of z in training, on digits and on MNIST.

python -m studies.importance.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.importance.run --quick
"""

from studies.sweeps import Sweep, main

SMALL = (
    "study.budget.trials=2", "objective.draws=1,5", "trainer.steps=40", "model.hidden=[16]",
    "model.latents=4", "metrics.further.iwae.draws=[1,5]",
)  # fmt: skip
SWEEPS = (
    Sweep("digits", ("trainer.steps=2000", "study.workers=1"), SMALL),
    Sweep("mnist", ("data=mnist", "trainer.steps=15000", "study.workers=2")),
)

if __name__ == "__main__":
    main(__file__, SWEEPS)
