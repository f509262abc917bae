"""Seeds: every run and every draw of a study has its own, which follows from the study's."""

import numpy as np


def seed_from(*entropy: int) -> int:
    """A seed of 32 bits that depends on all of `entropy`, in order."""
    return int(np.random.SeedSequence(list(entropy)).generate_state(1)[0])


CONFIRMING = 0x636F6E66
"""Sets the seeds of runs that confirm a decision apart from those of trials."""


def confirming_seed(study: int, number: int) -> int:
    """The further seed `number` of the runs that confirm a decision, the same for all β: so runs at
    neighbouring β are compared in pairs.

    Args:
        study: the seed of the study.
        number: from 0.
    """
    return seed_from(study, CONFIRMING, number)


SCOUTING = 0x73636F75
"""Sets the seed of a scout apart from those of trials."""


def scout_seed(study: int) -> int:
    """The seed of the scout of a study.

    Args:
        study: the seed of the study.
    """
    return seed_from(study, SCOUTING)


def run_seed(study: int, first: int, replicate: int) -> int:
    """The seed of a run.

    Args:
        study: the seed of the study.
        first: the number of the first attempt at the run, so that every attempt is the same run.
        replicate: which run of the trial.
    """
    return seed_from(study, first, *([replicate] if replicate else []))
