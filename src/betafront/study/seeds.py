"""Seeds: every run and every draw of a study has its own, which follows from the study's."""

import numpy as np


def seed_from(*entropy: int) -> int:
    """A seed of 32 bits that depends on all of `entropy`, in order."""
    return int(np.random.SeedSequence(list(entropy)).generate_state(1)[0])


def run_seed(study: int, first: int, replicate: int) -> int:
    """The seed of a run.

    Args:
        study: the seed of the study.
        first: the number of the first attempt at the run, so that every attempt is the same run.
        replicate: which run of the trial.
    """
    return seed_from(study, first, *([replicate] if replicate else []))
