"""`betafront weights`: a KL weight in one convention, translated to every other."""

from typing import Any

from betafront.errors import UserError
from betafront.objective.scale import (
    NORMALISATIONS,
    beta_norm,
    in_every_convention,
    normalisation,
    squared_error_weight,
)


def translate(
    name: str, weight: float, pixels: int, latents: int, sigma: float | None = None
) -> dict[str, Any]:
    """The canonical β of a written weight and its equal in every other convention.

    Args:
        name: of the normalisation it is written in.
        weight: as written.
        pixels, latents: N and M.
        sigma: of a Gaussian likelihood, for the weights beside a squared error.

    Raises:
        UserError: the normalisation is unknown, or σ is not above 0.
    """
    if sigma is not None and not sigma > 0:
        raise UserError(f"--sigma must be above 0, not {sigma}")
    beta = normalisation(name).beta(weight, pixels, latents)
    result: dict[str, Any] = {
        "pixels": pixels,
        "latents": latents,
        "normalisation": name,
        "weight": weight,
        "beta": tidy(beta),
        "beta_norm": tidy(beta_norm(beta, pixels, latents)),
        "weights": {k: tidy(v) for k, v in in_every_convention(beta, pixels, latents).items()},
    }
    if sigma is not None:
        result["sigma"] = sigma
        result["squared_error"] = {
            "SSE + w·KL": tidy(squared_error_weight(beta, sigma)),
            "½·SSE + w·KL": tidy(squared_error_weight(beta, sigma, half=True)),
        }
    return result


def tidy(value: float) -> float:
    """`value` without the last digits of binary arithmetic: 3.92 and not 3.9200000000000004."""
    return float(f"{value:.12g}")


def print_weights(translated: dict[str, Any]) -> None:
    """Print a translation as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=(
            f"w = {translated['weight']:g} under {translated['normalisation']}, N = "
            f"{translated['pixels']}, M = {translated['latents']}: "
            f"canonical β = {translated['beta']:g}"
        ),
        title_justify="left",
        box=None,
    )
    table.add_column("convention")
    table.add_column("loss")
    table.add_column("w", justify="right")
    for name, weight in translated["weights"].items():
        table.add_row(name, NORMALISATIONS[name].formula, f"{weight:.6g}")
    for formula, weight in translated.get("squared_error", {}).items():
        table.add_row(f"Gaussian, σ = {translated['sigma']:g}", formula, f"{weight:.6g}")
    Console(highlight=False).print(table)
