"""Every schedule at the same final β and the same steps, on digits and on MNIST.

python -m studies.schedules.run           # MNIST from the folder of BETAFRONT_DATA_DIR
python -m studies.schedules.run --quick
"""

from studies.sweeps import Sweep, main

SMALL = ("study.budget.trials=4", "trainer.steps=40", "model.hidden=[16]")
SWEEPS = (
    Sweep("digits", quick=SMALL),
    Sweep("mnist", ("data=mnist", "trainer.steps=8000")),
)

if __name__ == "__main__":
    main(__file__, SWEEPS)
