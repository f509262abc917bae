"""The noise of runs that take their steps together, drawn from the generator of each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from betafront.models.drawn import Asked
from betafront.training.state import RunState


class StackedNoise:
    """What models ask for in a step, drawn before it in the order in which each draws it alone.

    Args:
        runs: whose generators are drawn from.
        asked: by a model in a step.
    """

    def __init__(self, runs: Sequence[RunState], asked: Sequence[Asked]) -> None:
        generators = [run.generators.noise for run in runs]
        self.draws = [
            torch.empty(len(runs), *shape, dtype=dtype, device=generators[0].device)
            for shape, dtype in asked
        ]
        self._rows = [
            (row, generator)
            for number, generator in enumerate(generators)
            for row in (draw[number] for draw in self.draws)
        ]

    def draw(self) -> list[Tensor]:
        """(k, …) for each time that a model asks; in the memory of the last step's."""
        for row, generator in self._rows:
            row.normal_(generator=generator)
        return self.draws
