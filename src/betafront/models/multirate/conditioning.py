"""The β of one pass through a conditioned model, which every conditioned layer reads."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from betafront.errors import UserError

KNOTS = 10
"""Of the polygons over log β."""


class Features(nn.Module):
    """What stands for β: log β, scaled to [-1, 1] over the range, and how near it is to each of
    `KNOTS` even places there, 1 at a knot and 0 from the next one on. What is linear in these is
    any polygon over log β: a latent may close within a small part of the range, as it does at the
    optimum, which a small network of log β learns slowly.

    Args:
        low, high: the range of β.
        plain: log β alone.
    """

    def __init__(self, low: float, high: float, plain: bool) -> None:
        super().__init__()
        self.middle = (math.log(low) + math.log(high)) / 2
        self.reach = (math.log(high) - math.log(low)) / 2
        self.knots: Tensor
        knots = torch.linspace(-1, 1, 0 if plain else KNOTS)
        self.register_buffer("knots", knots, persistent=False)

    @property
    def size(self) -> int:
        """Numbers that stand for one β."""
        return 1 + len(self.knots)

    def forward(self, beta: Tensor) -> Tensor:
        """(n, size) of (n,) β."""
        position = ((torch.log(beta) - self.middle) / self.reach).unsqueeze(1)
        near = torch.relu(1 - (position - self.knots).abs() * (KNOTS - 1) / 2)
        return torch.cat([position, near], 1)


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
