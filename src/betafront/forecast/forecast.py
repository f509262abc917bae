"""What the data says about β before anything is trained."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from betafront.data import Data
from betafront.errors import UserError
from betafront.forecast.cautions import cautions, cautions_of_weighting
from betafront.forecast.collapse import Collapse, collapse, has_linear_front
from betafront.forecast.linear_front import LinearFront, Point, knee
from betafront.forecast.spectrum import Spectrum, spectrum
from betafront.forecast.words import as_html, heading, meaning, two_digits
from betafront.objective import Gaussian, Likelihood, Objective
from betafront.objective.likelihoods.spread import LOG_FLOOR
from betafront.scale import Normalisation, beta_norm, in_every_convention

RATE_PER_LATENT = 5.0
"""The rate down to which the front is followed for its knee, per latent: beyond it the hypervolume
of a study counts nothing either."""

BELOW_KNEE, ABOVE_COLLAPSE = 0.1, 1.5
"""The range worth searching, as parts of β at the knee and at collapse."""

BELOW_COLLAPSE = 0.01
"""Where the range begins, as a part of β at collapse, without a front that has a knee."""

ROWS = 8  # of the table, beside those of the knee and of collapse


@dataclass(frozen=True, repr=False)
class Forecast:
    """What the data says about β.

    Attributes:
        data: its name.
        likelihood: the name of its class.
        pixels, latents: N, and M.
        telling: latents that the decoder sees: M, or the lowest layer of a hierarchy.
        examples: of the training split that were looked at.
        normalisation: in which the user writes the weight.
        collapse: the collapsed model.
        front: the linear-Gaussian front; None where the likelihood is no Gaussian.
        controlled: whether a controller sets β, rather than the weight.
        cautions: what to be careful with, a sentence each.
    """

    data: str
    likelihood: str
    pixels: int
    latents: int
    telling: int
    normalisation: Normalisation
    collapse: Collapse
    front: LinearFront | None
    controlled: bool = False
    cautions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([*heading(self), *meaning(self), *self.cautions])

    def _repr_html_(self) -> str:
        return as_html(self)

    @property
    def beta_c(self) -> float:
        """The canonical β above which collapse is an optimum: below, it is a saddle."""
        return self.collapse.beta

    @property
    def beta_live(self) -> float:
        """The canonical β below which a latent is worth its rate to more than a few examples:
        `beta_c`, unless few share the direction that opens there."""
        return float(self.collapse.opening[0])

    @property
    def eigenvalues(self) -> list[float]:
        """The β below which each direction is worth a latent, largest first: of the covariance of
        the whitened score, as far as more than a few examples share it. Where the likelihood is a
        Gaussian they are those of the data's covariance over σ²."""
        return [float(value) for value in self.collapse.opening]

    def live(self, beta: float) -> int:
        """Latents that are expected to be alive at a canonical β: the directions that are open at
        collapse, or those of the linear front where they are more."""
        opened = min(self.telling, sum(value > beta for value in self.eigenvalues))
        return opened if self.front is None else max(opened, self.front.at(beta).live)

    @cached_property
    def traced(self) -> list[Point]:
        """The linear front from collapse down to a rate of 5 nats per latent that can be alive;
        empty without a front."""
        if self.front is None:
            return []
        return self.front.down_to(RATE_PER_LATENT * self.front.rank, self.beta_live)

    @cached_property
    def knee(self) -> Point | None:
        """The knee of the linear front as far as it is traced; None where there is none."""
        return knee(self.traced) if self.traced else None

    @property
    def search(self) -> tuple[float, float]:
        """The range of the canonical β that is worth searching."""
        found = self.knee
        low = BELOW_COLLAPSE * self.beta_live if found is None else BELOW_KNEE * found.beta
        return low, ABOVE_COLLAPSE * self.beta_live

    @property
    def search_weight(self) -> tuple[float, float]:
        """The same for `objective.weight`, in two digits."""
        low, high = (self.weight(beta) for beta in self.search)
        return two_digits(low, math.floor), two_digits(high, math.ceil)

    def weight(self, beta: float) -> float:
        """The number to write in the user's convention for a canonical β."""
        return self.normalisation.weight(beta, self.pixels, self.latents)

    @property
    def betas(self) -> list[float]:
        """Of the table: over the range worth searching, with the knee and collapse."""
        low, high = self.search
        some = {two_digits(float(b), round) for b in np.geomspace(low, high, ROWS)}
        found = self.knee
        named = {self.beta_live} | ({found.beta} if found else set())
        return sorted({b for b in some if all(abs(math.log(b / c)) > 0.1 for c in named)} | named)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of the table over β."""
        found = []
        at_knee = self.knee.beta if self.knee else None
        for beta in self.betas:
            row: dict[str, Any] = {
                "beta": beta,
                "weight": self.weight(beta),
                "live": self.live(beta),
            }
            if self.front is not None:
                at = self.front.at(beta)
                row |= {
                    "distortion": at.distortion,
                    "rate": at.rate,
                    "val_distortion": at.val_distortion,
                    "val_rate": at.val_rate,
                }
            what = {self.beta_live: "collapse", at_knee: "knee"}
            found.append(row | {"what": what.get(beta, "")})
        return found

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        knee, of_collapse = self.knee, self.collapse
        return {
            "data": self.data,
            "likelihood": self.likelihood,
            "pixels": self.pixels,
            "latents": self.latents,
            "examples": of_collapse.examples,
            "unchanging": of_collapse.unchanging,
            "beta_c": self.beta_c,
            "beta_norm_c": beta_norm(self.beta_c, self.pixels, self.latents),
            "weights_c": in_every_convention(self.beta_c, self.pixels, self.latents),
            "normalisation": self.normalisation.name,
            "weight_c": self.weight(self.beta_c),
            "beta_live": self.beta_live,
            "val_beta_live": of_collapse.held_out,
            "shared": of_collapse.shared,
            "rare": of_collapse.rare,
            "sigma_c": of_collapse.likelihood.sigma,
            "knee": None if knee is None else vars(knee),
            "search": {"beta": list(self.search), "weight": list(self.search_weight)},
            "eigenvalues": self.eigenvalues[: max(self.latents, 64)],
            "eigenvalues_exact": of_collapse.spectrum.exact,
            "eigenvalues_total": of_collapse.spectrum.total,
            "table": self.rows,
            "cautions": list(self.cautions),
        }


def forecast(data: Data, likelihood: Likelihood, objective: Objective) -> Forecast:
    """Forecast what β does on this data.

    Args:
        data: of numbers, within the likelihood's support.
        likelihood: p(x|z), fresh.
        objective: of the model, in whose normalisation the weight is written.

    Raises:
        UserError: the data is sentences, or as in `betafront.forecast.collapse.collapse`.
    """
    if data.symbols is not None:
        raise UserError(
            f"data={data.name} is sentences, and a forecast is of numbers: a decoder of sentences "
            "sees the words before, which no covariance tells. Search the weight from 0.01 to 10"
        )
    telling = objective.widths[0] if objective.widths else objective.latents
    found = collapse(data, likelihood.suit(data.shape), telling + 1)
    front = linear_front(data, found, telling)
    careful = [*cautions(data, found, front, telling), *cautions_of_weighting(objective)]
    return Forecast(
        data=data.name,
        likelihood=type(likelihood).__name__,
        pixels=data.dims,
        latents=objective.latents,
        telling=telling,
        normalisation=objective.normalisation,
        collapse=found,
        front=front,
        controlled=objective.controller.closed,
        cautions=tuple(careful),
    )


def linear_front(data: Data, found: Collapse, latents: int) -> LinearFront | None:
    """The linear-Gaussian front of a collapsed model's data; None where the likelihood is no
    Gaussian."""
    likelihood = found.likelihood
    if not has_linear_front(likelihood):
        return None
    fixed = isinstance(likelihood, Gaussian) and likelihood.fixed
    mean = likelihood.mean(found.output).flatten(1)
    if isinstance(likelihood, Gaussian):  # whose whitened score is (x - mean) / σ
        variance, of_data = likelihood.sigma**2, found.spectrum
    else:  # a σ for all images is one of its choices

        def centred() -> Iterable[torch.Tensor]:
            return (x.flatten(1) - mean for x in data.rows("train").split(1000))

        variance, of_data = 1.0, spectrum(centred, data.dims, latents + 1)
    values = variance * of_data.values.numpy()[:latents]
    along, distance = _validated(data, mean, of_data, len(values))
    return LinearFront(
        values=values,
        total=variance * of_data.total,
        latents=latents,
        pixels=data.dims,
        variance=variance if fixed else None,
        least_variance=math.exp(2 * LOG_FLOOR),
        val_values=along,
        val_total=distance,
        log_volume=data.log_volume,
    )


def _validated(
    data: Data, mean: torch.Tensor, of_data: Spectrum, k: int
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float]:
    """(k,) the mean squares of the validation examples along the first eigenvectors, and their mean
    squared distance from `mean`."""
    along, distance = torch.zeros(k, dtype=torch.float64), 0.0
    for x in data.rows("val").split(1000):
        gap = x.flatten(1) - mean
        along += ((gap @ of_data.vectors[:, :k]) ** 2).sum(0, dtype=torch.float64)
        distance += float((gap**2).sum(dtype=torch.float64))
    n = data.size("val")
    return (along / n).numpy(), distance / n
