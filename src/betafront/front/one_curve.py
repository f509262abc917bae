"""Whether runs written in different conventions fall on one curve once they stand on one scale."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.curves import trials_of
from betafront.front.table import RATE


@dataclass(frozen=True)
class OneCurve:
    """How far trials lie from one falling curve of R over the weight.

    Attributes:
        written: root mean square distance in nats, of R over the weight as written.
        canonical: the same of R over the canonical β.
        trials: the number of trials, each at the β of its run.
    """

    written: float
    canonical: float
    trials: int

    @property
    def text(self) -> str:
        """The finding in one sentence."""
        return (
            f"{self.trials} trials lie {self.written:.2f} nats (root mean square) off one falling "
            f"curve of R over the weight as written, and {self.canonical:.2f} nats over "
            "canonical β."
        )


def one_curve(table: pd.DataFrame) -> OneCurve | None:
    """How far the trials lie from the best falling curve (isotonic regression, so that no shape is
    assumed); None where all trials were written in the same convention."""
    table = trials_of(table)
    if len(table) < 3 or table["normalisation"].nunique() < 2:
        return None
    kept = table[(table["weight"] > 0) & (table["beta"] > 0)]
    rate = kept[RATE].to_numpy(float)
    return OneCurve(
        written=_off_curve(kept["weight"].to_numpy(float), rate),
        canonical=_off_curve(kept["beta"].to_numpy(float), rate),
        trials=len(kept),
    )


def _off_curve(weight: NDArray[np.float64], rate: NDArray[np.float64]) -> float:
    _, group, counts = np.unique(weight, return_inverse=True, return_counts=True)
    means = np.bincount(group, rate) / counts
    return float(np.sqrt(np.mean((rate - _falling(means, counts)[group]) ** 2)))


def _falling(values: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """The falling sequence nearest to `values` in weighted squares, by pooling neighbours that rise
    (Barlow et al. 1972). Written here, since scikit-learn takes longer to import than all else that
    `betafront status` does.

    Args:
        values: (n,).
        counts: (n,) the weight of each.
    """
    pools: list[tuple[float, int, int]] = []  # mean, weight, how many values
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        mean, weight, length = value, count, 1
        while pools and pools[-1][0] <= mean:
            before, more, others = pools.pop()
            mean = (before * more + mean * weight) / (more + weight)
            weight, length = weight + more, length + others
        pools.append((mean, weight, length))
    return np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])
