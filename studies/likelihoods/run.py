"""Seven likelihoods on one scale, on digits and on MNIST.

python -m studies.likelihoods.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.likelihoods.run --quick
"""

from studies.sweeps import Sweep, main

SMALL = (
    "likelihood=gaussian,beta,categorical", "study.budget.trials=4", "trainer.steps=40",
    "model.hidden=[16]",
)  # fmt: skip
SWEEPS = (
    Sweep("digits", quick=SMALL),
    Sweep("mnist", ("data=mnist", "data.levels=16", "trainer.steps=8000")),
)

if __name__ == "__main__":
    main(__file__, SWEEPS)
