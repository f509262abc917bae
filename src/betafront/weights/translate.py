"""A KL weight in one convention, translated to every other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from betafront.errors import UserError
from betafront.scale import (
    Convention,
    beta_norm,
    in_every_convention,
    normalisation,
    squared_error_weight,
    squared_error_weights,
)
from betafront.weights.audit import audit
from betafront.weights.projects import PROJECTS, Project, project


@dataclass(frozen=True)
class WrittenWeight:
    """A KL weight as it is written in a loss.

    Args:
        weight: the number in front of the KL.
        convention: in which the number is read.
        pixels, latents: N and M.
        sigma: of the squared error's Gaussian; None where it was not given, and 1 is taken.
        project: the project of which these are the defaults.
    """

    weight: float
    convention: Convention
    pixels: int
    latents: int
    sigma: float | None = None
    project: Project | None = None

    @property
    def squares(self) -> bool:
        """Whether the weight has an equal beside a squared error: not where σ is the optimal one,
        unless a σ was given."""
        optimal = self.project is not None and self.project.optimal
        return not optimal or self.sigma is not None or self.convention.squared_error is not None


def from_options(
    *,
    project_name: str | None = None,
    pixels: int | None = None,
    shape: Sequence[int] | None = None,
    latents: int | None = None,
    weight: float | None = None,
    normalisation_name: str | None = None,
    squared_error: str | None = None,
    coefficient: float | None = None,
    sigma: float | None = None,
    precision: float | None = None,
) -> WrittenWeight:
    """The weight that the options of the command line describe; a project's defaults stand for
    options that are left out.

    Raises:
        UserError: an option is missing, contradicts another, or is out of its range.
    """
    if pixels is not None and shape is not None:
        raise UserError("--pixels and --shape both say N: give one")
    default = None if project_name is None else project(project_name)
    if shape is not None:
        pixels = math.prod(shape)
    if default is not None:
        pixels = default.pixels if pixels is None else pixels
        latents = default.latents if latents is None else latents
        weight = default.weight if weight is None else weight
    if pixels is None or latents is None or weight is None:
        raise UserError(
            "give --pixels (or --shape), --latents and --weight, or --project with somebody's "
            "defaults, as in `betafront weights --shape 1x28x28 --latents 20 --weight 0.1`"
        )
    if not 0 <= weight < math.inf:
        raise UserError(f"--weight must be finite and not negative, not {weight}")
    for option, count in (("--pixels", pixels), ("--latents", latents)):
        if count < 1:
            raise UserError(f"{option} must be at least 1, not {count}")
    return WrittenWeight(
        weight,
        convention(default, normalisation_name, squared_error, coefficient),
        pixels,
        latents,
        standard_deviation(sigma, precision),
        default,
    )


def convention(
    default: Project | None, name: str | None, squared_error: str | None, coefficient: float | None
) -> Convention:
    """The convention of the options, over a project's where there is one."""
    base = Convention(normalisation("sum")) if default is None else default.convention
    if squared_error is None:
        squared_error = base.squared_error
    elif squared_error == "none":
        squared_error = None
    return Convention(
        base.normalisation if name is None else normalisation(name),
        squared_error,
        base.coefficient if coefficient is None else coefficient,
    )


def standard_deviation(sigma: float | None, precision: float | None) -> float | None:
    """σ, as given or from the precision 1/σ²; None where neither is given."""
    if sigma is not None and precision is not None:
        raise UserError("--sigma and --precision both say σ: give one")
    for option, value in (("--sigma", sigma), ("--precision", precision)):
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"{option} must be above 0 and finite, not {value}")
    return sigma if precision is None else precision**-0.5


def parse_shape(
    text: str, option: str = "--shape", like: str = "like 3x64x64 (channels x height x width)"
) -> tuple[int, ...]:
    """(3, 64, 64) of '3x64x64'.

    Raises:
        UserError: it is none; `option` is named, with what it is like.
    """
    sides = text.lower().replace("×", "x").split("x")
    if not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise UserError(f"{option} is {like}, not '{text}'")
    return tuple(int(side) for side in sides)


def translate(given: WrittenWeight) -> dict[str, Any]:
    """The canonical β of a written weight, and the equal weights in the other conventions; those
    beside a squared error are left out where σ is the optimal one."""
    sigma = 1.0 if given.sigma is None else given.sigma
    sizes = given.pixels, given.latents
    beta = given.convention.beta(given.weight, *sizes, sigma)
    squares = squared_error_weights(beta, *sizes, sigma) if given.squares else {}
    halves = {"SSE + w·KL": False, "½·SSE + w·KL": True} if given.squares else {}
    result: dict[str, Any] = {
        "pixels": given.pixels,
        "latents": given.latents,
        "normalisation": given.convention.normalisation.name,
        "reconstruction": given.convention.squared_error or "nats",
        "coefficient": given.convention.coefficient,
        "weight": given.weight,
        "formula": given.convention.formula,
        "sigma": rounded(sigma) if given.squares else None,
        "sigma_given": given.sigma is not None,
        "beta": rounded(beta),
        "beta_norm": rounded(beta_norm(beta, *sizes)),
        "weights": {k: rounded(v) for k, v in in_every_convention(beta, *sizes).items()},
        "squared_error": {
            formula: rounded(squared_error_weight(beta, sigma, half=half))
            for formula, half in halves.items()
        },
        "squared_error_weights": {
            word: {k: rounded(v) for k, v in row.items()} for word, row in squares.items()
        },
    }
    if given.convention.squared_error is not None:
        result["beta_sigma2"] = rounded(beta * sigma**2)
    if given.project is not None:
        result["project"] = given.project.name
    return result


def rounded(value: float) -> float:
    """`value` without the last digits of binary arithmetic: 3.92 and not 3.9200000000000004."""
    return float(f"{value:.12g}")


def audited_projects() -> list[dict[str, Any]]:
    """The results of the audit for the loss of every project at its defaults."""
    rows = []
    for known in PROJECTS.values():
        verdict = audit(known.loss, known.shape, known.latents)
        rows.append(
            {
                "project": known.name,
                "title": known.title,
                "loss": known.computes,
                "weight": known.weight,
                "shape": list(known.shape),
                "latents": known.latents,
                "reconstruction": verdict.reconstruction,
                "normalisation": verdict.normalisation,
                "beta": significant(verdict.beta),
                "beta_norm": significant(verdict.beta_norm),
                "sigma_for_one": significant(verdict.scale_for_one),
                "warnings": list(verdict.warnings),
                "note": known.note,
            }
        )
    return rows


def significant(value: float | None) -> float | None:
    """Four digits of a measured number."""
    return None if value is None else float(f"{value:.4g}")
