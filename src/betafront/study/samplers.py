"""Optuna's samplers by name, seeded."""

import warnings
from collections.abc import Callable

import numpy as np
from optuna import samplers
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from betafront.errors import UserError, near_miss

SAMPLERS: dict[str, Callable[[int, int], BaseSampler]] = {
    "tpe": lambda _, own: samplers.TPESampler(seed=own, multivariate=True, constant_liar=True),
    "random": lambda _, own: samplers.RandomSampler(seed=own),
    # The points of a grid are enqueued by the sweep; the sampler draws nothing.
    "grid": lambda _, own: samplers.RandomSampler(seed=own),
    # One sequence for the whole study, whose scrambling must be the same in every worker; choices
    # and the first trial are not part of it and are drawn by each worker on its own.
    "qmc": lambda shared, own: samplers.QMCSampler(
        scramble=True,
        seed=shared,
        independent_sampler=samplers.RandomSampler(seed=own),
        warn_independent_sampling=False,
    ),
    "nsga2": lambda _, own: samplers.NSGAIISampler(seed=own),
}


def check_sampler(name: str) -> None:
    """Refuse an unknown name.

    Raises:
        UserError: naming the near miss.
    """
    if name not in SAMPLERS:
        raise UserError(f"study.sampler={name} is unknown: {near_miss(name, SAMPLERS)}")


def sampler(name: str, seed: int, *own: int) -> BaseSampler:
    """The sampler called `name` for one worker.

    Two workers with the same seed would draw the same points, and a resumed one would repeat its
    draws, so the worker's own entropy goes in beside the study's seed.

    Args:
        name: of the sampler.
        seed: of the study.
        own: the worker's number and how many trials there were when it started.
    """
    check_sampler(name)
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        return SAMPLERS[name](seed_from(seed), seed_from(seed, *own))


def seed_from(*entropy: int) -> int:
    """A seed of 32 bits that depends on all of `entropy`, in order."""
    return int(np.random.SeedSequence(list(entropy)).generate_state(1)[0])
