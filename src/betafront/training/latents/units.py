"""The units of a code that are looked at one by one: its latents, or the channels of a spatial
code."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 1024
"""Units of a layer whose own values are kept, the first ones: a code may have any number of
latents, and a run keeps two numbers of each unit at each validation."""


@dataclass(frozen=True)
class Units:
    """The units of a code, layer by layer.

    Attributes:
        widths: latents of each stochastic layer, in the order of the columns of z.
        positions: latents of a unit: 1, or those of a channel of a spatial code.
    """

    widths: tuple[int, ...]
    positions: int = 1

    @classmethod
    def of(cls, widths: Sequence[int], latent_shape: Sequence[int]) -> "Units":
        """Those of a model: its latents one by one, but for a spatial code, whose channels are its
        units."""
        spatial = len(latent_shape) > 1 and len(widths) == 1
        return cls(tuple(widths), widths[0] // latent_shape[0] if spatial else 1)

    @property
    def kept(self) -> tuple[int, ...]:
        """The number of units of each layer whose own values are kept."""
        return tuple(min(width // self.positions, MOST) for width in self.widths)

    @property
    def are_all_kept(self) -> bool:
        """Whether the values of every unit are kept."""
        return sum(self.kept) * self.positions == sum(self.widths)

    @property
    def are_layered(self) -> bool:
        """Whether they are of a hierarchy, of which the KL of a latent says whether it is active
        (`betafront.metrics.evaluate`), and not the variance of its posterior means."""
        return len(self.widths) > 1

    @property
    def layers(self) -> NDArray[np.int64]:
        """(U,) the layer of each unit that is kept, from 0."""
        return np.repeat(np.arange(len(self.widths)), self.kept)

    @property
    def names(self) -> list[str]:
        """Of the U units that are kept, numbered from 1 within their layer, as pictures and
        sentences call them."""
        name = "z{}" if self.positions == 1 else "channel {}"
        return [
            name.format(i) + (f" of layer {layer}" if self.are_layered else "")
            for layer, kept in enumerate(self.kept, 1)
            for i in range(1, kept + 1)
        ]

    def by_unit(self, layer: NDArray[np.float64]) -> NDArray[np.float64]:
        """(units, positions) the values of the latents of a layer."""
        return layer.reshape(-1, self.positions)

    @property
    def noun(self) -> str:
        """What a unit is called, in the plural."""
        return "latents" if self.positions == 1 else "channels"
