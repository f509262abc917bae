"""The latents of a run at each of its validations, as a file keeps them. Needs no torch."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from betafront.files import opened_whole
from betafront.training.folder import RunFolder
from betafront.training.latents.units import Units


@dataclass(frozen=True)
class LatentHistory:
    """What V validations found of U units (the latents, or the channels of a spatial code) in L
    stochastic layers. Of a layer of more than `units.MOST` units only the first of these have
    values of their own; `rate` and `active` are of all.

    Attributes:
        step: (V,) optimiser steps taken before each.
        beta: (V,) the canonical β in force then; NaN where none was, as under a capacity.
        kl: (V, U) float32 mean KL of each unit in nats; of a channel the sum over its positions.
        variance: (V, U) float32 variance of the posterior means over the validation split; of a
            channel that of the position where it is greatest.
        rate: (V, L) the rate of each layer, in nats.
        active: (V, L) active latents of each layer.
        widths: (L,) latents of each layer.
        positions: latents of a unit: 1, or those of a channel.
        threshold: of the variance, of a hierarchy of the KL, above which a latent is active.
        missing: validations before these that were not recorded, as by an earlier version.
    """

    step: NDArray[np.int64]
    beta: NDArray[np.float64]
    kl: NDArray[np.float32]
    variance: NDArray[np.float32]
    rate: NDArray[np.float64]
    active: NDArray[np.int64]
    widths: NDArray[np.int64]
    positions: int
    threshold: float
    missing: int = 0

    def __len__(self) -> int:
        return len(self.step)

    @property
    def units(self) -> Units:
        """The units that the columns are of."""
        return Units(tuple(self.widths.tolist()), self.positions)

    @property
    def is_active(self) -> NDArray[np.bool_]:
        """(V, U) whether each unit was active; a channel is where one of its positions is."""
        return (self.kl if self.units.are_layered else self.variance) > self.threshold

    def order_of(self, layer: int) -> NDArray[np.int64]:
        """The units of a layer, the one of the highest KL at the end first."""
        units = np.flatnonzero(self.units.layers == layer)
        return units[np.argsort(-self.kl[-1, units], kind="stable")]

    def save(self, folder: Path) -> None:
        """Write `latent_history.npz`."""
        with opened_whole(RunFolder(folder).latent_history) as sink:
            np.savez_compressed(sink, **asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "LatentHistory":
        """The history that a run wrote into its folder."""
        with np.load(RunFolder(folder).latent_history) as kept:
            arrays = {
                name: kept[name]
                for name in ("step", "beta", "kl", "variance", "rate", "active", "widths")
            }
            return cls(
                **arrays,
                positions=int(kept["positions"]),
                threshold=float(kept["threshold"]),
                missing=int(kept["missing"]),
            )
