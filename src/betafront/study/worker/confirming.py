"""The configuration of a run that confirms a decision."""

from collections.abc import Sequence

from betafront.config.compose import Composer
from betafront.study.trials.origin import Confirms


def confirming_overrides(compose: Composer, overrides: Sequence[str], run: Confirms) -> list[str]:
    """The overrides of a run that confirms a decision: those of the trial that was picked, with its
    weight and its optimiser steps multiplied. In every convention β is proportional to the weight.

    Args:
        compose: makes the configurations of the study's trials.
        overrides: of the trial that was picked.
        run: what differs from it.
    """
    config = compose(overrides)
    weight = float(config.objective.weight) * run.factor
    steps = int(config.trainer.steps) * run.times
    return [*overrides, f"objective.weight={weight!r}", f"trainer.steps={steps}"]
