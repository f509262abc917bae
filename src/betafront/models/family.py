"""The contract of a family: one model conditioned on β, trained once for a range of weights."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from betafront.errors import UserError
from betafront.models.model import Model
from betafront.objective import Varied

if TYPE_CHECKING:
    from betafront.models.vae import VAE

CLOSE = 1e-6
"""By how much, as a part of it, a β may be beyond the end of a range: what is written has fewer
digits than what was computed."""


class Family(Model):
    """A model conditioned on the canonical β, which in training is drawn for each example
    (`Model.vary`).

    As a model it stands at one β of its range, at first the geometric middle: evaluated and shown
    as any other, it is the member `at(beta)`.

    Args:
        latents, latent_shape: as of any model.
        low, high: the range of the canonical β that it is trained for.
        points: of the range at which the curve of a trained run is evaluated.

    Raises:
        UserError: the range has no ends above 0, or no points.
    """

    def __init__(
        self,
        latents: int | Sequence[int],
        latent_shape: Sequence[int] | None,
        low: float,
        high: float,
        points: int,
    ) -> None:
        super().__init__(latents, latent_shape)
        numbers = all(isinstance(end, int | float) for end in (low, high))
        if not numbers or not 0 < low < high < math.inf:
            raise UserError(
                f"model.low={low} and model.high={high} are the ends of the range of the canonical "
                "β: give two numbers above 0, the lower first"
            )
        if type(points) is not int or points < 2:
            raise UserError(f"model.points must be a whole number of at least 2, not {points}")
        self.low, self.high, self.points = float(low), float(high), points
        self.beta = math.sqrt(self.low * self.high)

    @property
    def grid(self) -> list[float]:
        """The β of the curve, both ends of the range among them, evenly spread on a logarithmic
        scale."""
        step = math.log(self.high / self.low) / (self.points - 1)
        inner = [self.low * math.exp(i * step) for i in range(1, self.points - 1)]
        return [self.low, *inner, self.high]

    def stand_at(self, beta: float) -> None:
        """Be the member of the family at another β of the range.

        Raises:
            UserError: β is outside it.
        """
        self.beta = self.inside(beta)

    def inside(self, beta: float) -> float:
        """`beta`, which is in the range.

        Raises:
            UserError: it is not.
        """
        if not self.low * (1 - CLOSE) <= beta <= self.high * (1 + CLOSE):
            raise UserError(
                f"β = {beta:.4g} is outside the range {self.low:g} to {self.high:g} for which the "
                "family is trained: choose a β within, or train with another model.low and "
                "model.high"
            )
        return min(max(beta, self.low), self.high)

    @abstractmethod
    def spread(self, first: int, n: int) -> AbstractContextManager[Varied]:
        """A context in which each example of a batch has a β of its own, in any mode: the β of a
        split are spread evenly over the range on a logarithmic scale, the same at every call.

        Args:
            first: the number of the batch's first example within the split.
            n: examples of the batch.
        """

    @abstractmethod
    def at(self, beta: float) -> "VAE":
        """The member of the family at a canonical β: an ordinary model with weights of its own, of
        the class and the layers of the model that the family was made of.

        Raises:
            UserError: β is outside the range.
        """
