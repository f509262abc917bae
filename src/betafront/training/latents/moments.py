"""What one validation finds of the latents: their KL, and how much their posterior means vary."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.training.latents.units import MOST, Units


class Seen(NamedTuple):
    """What one validation found of the latents of a model.

    Attributes:
        kl: (U,) float32 mean KL of each unit over the examples, in nats; of a channel the sum over
            its positions.
        variance: (U,) float32 variance of the posterior means over the examples; of a channel that
            of the position where it is greatest.
        rate: (L,) float64 the sum of the mean KL of all latents of each layer, in nats.
        active: (L,) int64 active latents of each layer.
    """

    kl: NDArray[np.float32]
    variance: NDArray[np.float32]
    rate: NDArray[np.float64]
    active: NDArray[np.int64]


class Moments:
    """Sums over the examples of a split, batch by batch, in float64. The means are centred on those
    of the first batch, so that no digits of their variance are lost."""

    def __init__(self) -> None:
        self._examples = 0
        self._sums: Tensor | None = None
        self._centre: Tensor | None = None

    def add(self, kl: Tensor, means: Tensor) -> None:
        """Add a batch.

        Args:
            kl: (B, M) nats, as in `Draw`.
            means: (B, M) the posterior means.
        """
        if self._centre is None:
            self._centre = means.double().mean(0)
        off = means - self._centre  # of float64, as the centre is
        first = off.sum(0)
        sums = torch.stack([kl.sum(0, dtype=torch.float64), first, off.square_().sum(0)])
        self._sums = sums if self._sums is None else self._sums + sums
        self._examples += len(kl)

    def seen(self, units: Units, threshold: float) -> Seen:
        """What the examples say.

        Args:
            units: of the model.
            threshold: of active latents, as in `betafront.metrics.evaluate`.
        """
        if self._sums is None:
            raise ValueError("no example was seen")
        kl, mean, squares = (self._sums / self._examples).cpu().numpy()  # few numbers: faster there
        variance = np.maximum(squares - mean**2, 0.0)
        ends = np.cumsum(units.widths)[:-1]
        kls, variances = np.split(kl, ends), np.split(variance, ends)
        told = kls if units.are_layered else variances
        return Seen(
            kl=_of_units([units.by_unit(layer).sum(1) for layer in kls]),
            variance=_of_units([units.by_unit(layer).max(1) for layer in variances]),
            rate=np.array([layer.sum() for layer in kls]),
            active=np.array([(layer > threshold).sum() for layer in told]),
        )


def _of_units(layers: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """(U,) the values of the units that are kept, of each layer the first."""
    return np.concatenate([layer[:MOST] for layer in layers]).astype(np.float32)
