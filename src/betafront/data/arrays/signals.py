"""1-D signals in memory: data whose examples are lines over time, or another axis."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from numpy.typing import ArrayLike
from torch import Tensor

from betafront.data.arrays.channels import channels_as, channels_first
from betafront.data.arrays.lines import draw
from betafront.data.data import Outcome
from betafront.data.new_examples import Preparation, as_tensor
from betafront.data.tensors import InMemory
from betafront.models import Model


@dataclass(frozen=True)
class SignalPreparation(Preparation):
    """Signals are taken as they are, with their channels first.

    Attributes:
        shape: channels and length.
    """

    kind: ClassVar[str] = "signals"

    def __call__(self, examples: ArrayLike | Tensor) -> Tensor:
        """Signals as the model was trained on them, (n, C, L) float32.

        Args:
            examples: (n, C, L) or (n, L, C), or (n, L) where there is one channel.

        Raises:
            UserError: as in `Preparation`.
        """
        x = as_tensor(examples)
        if x.ndim == 2 and self.shape[0] == 1:
            x = x.unsqueeze(1)
        elif x.ndim == 3:
            x = channels_first(x, "the data", channels_as(x.shape[1:], self.shape))
        return super().__call__(x)


@dataclass(frozen=True)
class Signals(InMemory):
    """A data set of signals, (n, C, L) float32 in each split."""

    @property
    def preparation(self) -> SignalPreparation:
        return SignalPreparation(self.shape)

    def show(self, model: Model, outcome: Outcome, folder: Path) -> None:
        """Write `reconstructions.png`, `samples.png` and `traversals.png`, as lines."""
        draw(model, self.examples("val"), outcome, folder)
