"""What one validation finds of the latents: their KL, and how much their posterior means vary."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.training.latents.units import MOST, Units


class Seen(NamedTuple):
    """What one validation found of the latents of a model, on the CPU.

    Attributes:
        kl: (U,) float32 mean KL of each unit over the examples, in nats; of a channel the sum over
            its positions.
        variance: (U,) float32 variance of the posterior means over the examples; of a channel that
            of the position where it is greatest.
        rate: (L,) float64 the sum of the mean KL of all latents of each layer, in nats.
        active: (L,) int64 the latents of each layer whose variance exceeds the threshold of active
            units.
    """

    kl: Tensor
    variance: Tensor
    rate: Tensor
    active: Tensor


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
        means = means.double()
        if self._centre is None:
            self._centre = means.mean(0)
        means = means - self._centre
        sums = torch.stack([kl.sum(0, dtype=torch.float64), means.sum(0), (means**2).sum(0)])
        self._sums = sums if self._sums is None else self._sums + sums
        self._examples += len(kl)

    def seen(self, units: Units, threshold: float) -> Seen:
        """What the examples say.

        Args:
            units: of the model.
            threshold: a latent is active where the variance of its posterior mean over the examples
                (biased, as in Burda et al. 2016, section 5.2) exceeds it.
        """
        if self._sums is None:
            raise ValueError("no example was seen")
        kl, mean, squares = (self._sums / self._examples).cpu()
        variance = (squares - mean**2).clamp(min=0)
        widths = list(units.widths)
        return Seen(
            kl=_of_units(kl, units, lambda channel: channel.sum(1)),
            variance=_of_units(variance, units, lambda channel: channel.amax(1)),
            rate=torch.stack([layer.sum() for layer in kl.split(widths)]),
            active=torch.stack([(layer > threshold).sum() for layer in variance.split(widths)]),
        )


def _of_units(values: Tensor, units: Units, joined: Callable[[Tensor], Tensor]) -> Tensor:
    """(U,) float32 values of the units that are kept, from those of all M latents."""
    layers = [
        joined(layer.unflatten(0, (-1, units.positions)))[:MOST]
        for layer in values.split(list(units.widths))
    ]
    return torch.cat(layers).float()
