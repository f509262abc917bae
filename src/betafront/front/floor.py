"""The linear-Gaussian front, which the data alone decides, beside the fronts of trained models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NAME = "linear-Gaussian VAE, forecast"
SAYS = (
    "The dashed line is what the best linear VAE of this likelihood and as many latents reaches on "
    "the validation split, in closed form from the data (betafront forecast). No VAE has to be "
    "worse: trials above the line have not converged, their model is too weak, or a penalty holds "
    "them back."
)


@dataclass(frozen=True)
class Floor:
    """What the linear-Gaussian VAE that fits the training split reaches on the validation split.

    Attributes:
        beta: (k,) the canonical β, falling.
        rate, distortion: (k,) R and D in nats per example, R rising and D falling.
    """

    beta: Sequence[float]
    rate: Sequence[float]
    distortion: Sequence[float]

    def beside(self, rates: Iterable[float]) -> "Floor":
        """The part beside trials: up to the greatest of their rates."""
        end = max(rates)
        kept = sum(rate < end for rate in self.rate)
        if kept == len(self.rate):
            return self
        beta, distortion = (np.interp(end, self.rate, of) for of in (self.beta, self.distortion))
        return Floor(
            beta=[*self.beta[:kept], float(beta)],
            rate=[*self.rate[:kept], end],
            distortion=[*self.distortion[:kept], float(distortion)],
        )


def named(floors: Mapping[str, Floor]) -> dict[str, Floor]:
    """The different ones among the floors of studies, by the names that they have in a legend."""
    apart: dict[str, Floor] = {}
    for study, floor in floors.items():
        if floor not in apart.values():
            apart[study] = floor
    if len(apart) == 1:
        return {NAME: next(iter(apart.values()))}
    return {f"{NAME}, of {study}": floor for study, floor in apart.items()}
