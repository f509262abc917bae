"""The β of one pass through a conditioned model, which every conditioned layer reads."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from betafront.errors import UserError

FEATURES = 32
"""Numbers that stand for β, of which every layer has its own linear map."""


class Features(nn.Module):
    """What stands for β: log β, scaled to [-1, 1] over the range, or what two layers make of it.

    Args:
        low, high: the range of β.
        plain: leave it at log β.
    """

    def __init__(self, low: float, high: float, plain: bool) -> None:
        super().__init__()
        self.middle = (math.log(low) + math.log(high)) / 2
        self.half = (math.log(high) - math.log(low)) / 2
        self.size = 1 if plain else FEATURES
        self.layers = nn.Sequential()
        if not plain:
            self.layers.extend(
                [nn.Linear(1, FEATURES), nn.SiLU(), nn.Linear(FEATURES, FEATURES), nn.SiLU()]
            )

    def forward(self, beta: Tensor) -> Tensor:
        """(n, size) of (n,) β."""
        position = (torch.log(beta) - self.middle) / self.half
        made: Tensor = self.layers(position.unsqueeze(1))
        return made


class Conditioning:
    """The β of the pass that is being made: that of every example in training, else the β at which
    the family stands.

    It is no module: all conditioned layers refer to it, and each would have its parameters.

    Args:
        features: what stands for β.

    Attributes:
        beta: at which the family stands.
        size: of what stands for β.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._each: Tensor | None = None
        self.size = features.size
        self.beta = math.exp(features.middle)

    @contextmanager
    def of_each(self, beta: Tensor) -> Iterator[None]:
        """A context in which every example of the batch has its own β, (n,)."""
        self._each = self._features(beta)
        try:
            yield
        finally:
            self._each = None

    def __call__(self, like: Tensor) -> Tensor:
        """(rows, size) or, where all have one β, (1, size).

        Args:
            like: (rows, …) on the device of the model, the rows of one example side by side; no
                rows for as many as there are examples.

        Raises:
            UserError: a layer sees another number of rows than a multiple of the examples.
        """
        if self._each is None:
            found: Tensor = self._features(torch.tensor([self.beta], device=like.device))
            return found
        n = len(self._each)
        if len(like) in (0, n):
            return self._each
        if len(like) % n:
            raise UserError(
                f"model=multirate: a layer of the model sees {len(like)} rows of {n} examples, and "
                "each row must be of one example, whose β it has"
            )
        return self._each.repeat_interleave(len(like) // n, 0)
