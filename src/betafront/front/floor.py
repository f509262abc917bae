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

    def least(self, beta: float) -> float:
        """The least D + βR of the line at a β, in nats per example."""
        return min(d + beta * r for d, r in zip(self.distortion, self.rate, strict=True))

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


def named(floors: Mapping[str, Floor | None]) -> dict[str, Floor]:
    """The different ones among the floors of studies, by the names that they have in a legend:
    beside other studies each says whose it is.

    Args:
        floors: by the names of the studies; None where a study has none.
    """
    apart: list[tuple[Floor, list[str]]] = []
    for study, floor in floors.items():
        if floor is None:
            continue
        whose = next((studies for other, studies in apart if other == floor), None)
        if whose is None:
            apart.append((floor, [study]))
        else:
            whose.append(study)
    return {NAME + _of(whose, len(floors)): floor for floor, whose in apart}


def _of(whose: Sequence[str], studies: int) -> str:
    """Whose a line is, among so many studies."""
    if studies == 1:
        return ""
    if len(whose) == studies:
        return ", of all"
    return ", of " + (" and ".join([", ".join(whose[:-1]), whose[-1]] if whose[1:] else whose))
