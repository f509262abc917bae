"""The default study, on digits and on MNIST.

python -m studies.weighting.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.weighting.run --quick
"""

from studies.sweeps import Sweep, main

SWEEPS = (
    Sweep("digits", quick=("study.budget.trials=5", "trainer.steps=40", "model.hidden=[16]")),
    Sweep("mnist", ("data=mnist", "study.budget.trials=12", "trainer.steps=4000")),
)

if __name__ == "__main__":
    main(__file__, SWEEPS)
