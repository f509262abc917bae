"""A forecast in words and tables, for the terminal and for notebooks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from betafront import html
from betafront.scale import beta_norm, in_every_convention

if TYPE_CHECKING:
    from betafront.forecast.forecast import Forecast


@dataclass(frozen=True)
class Shown:
    """A table: its head and its rows, of text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def heading(found: "Forecast") -> list[str]:
    """What was looked at, and the β above which collapse is an optimum."""
    sigma = found.collapse.likelihood.sigma
    at = f", σ = {sigma:.4g}" if sigma is not None else ""
    n = found.collapse.examples
    return [
        f"{found.data}, {found.likelihood}: N = {found.pixels}, M = {found.latents}, from {n:,} "
        "training examples; nothing was trained",
        f"above β_c = {found.beta_c:.4g} collapse is an optimum, below it a saddle (β_norm = "
        f"{beta_norm(found.beta_c, found.pixels, found.latents):.4g}{at})",
    ]


def conventions(found: "Forecast") -> Shown:
    """β_c in every convention, and for the loss as the user writes it."""
    weights = in_every_convention(found.beta_c, found.pixels, found.latents)
    mine = found.normalisation.name
    rows = [
        [f"normalisation={name}", f"{weight:.4g}", "yours" if name == mine else ""]
        for name, weight in weights.items()
    ]
    return Shown(["β_c as objective.weight", "w", ""], rows)


def over_beta(found: "Forecast") -> Shown:
    """What is forecast over β: of the linear front D, R and live latents, on training and on
    validation examples; of any other likelihood the live latents alone."""
    linear = found.front is not None
    more = ["D", "R", "live", "D val", "R val"] if linear else ["live"]
    rows = []
    for row in found.rows:
        cells = [f"{row['beta']:.3g}", f"{row['weight']:.3g}"]
        if linear:
            cells += [
                f"{row['distortion']:.2f}",
                f"{row['rate']:.2f}",
                str(row["live"]),
                f"{row['val_distortion']:.2f}",
                f"{row['val_rate']:.2f}",
            ]
        else:
            cells += [str(row["live"])]
        rows.append([*cells, row["what"]])
    return Shown(["β", "w", *more, ""], rows)


def meaning(found: "Forecast") -> list[str]:
    """What the table says, and what is worth searching."""
    low, high = found.search
    least, most = two_digits(low, math.floor), two_digits(high, math.ceil)
    worth = f"worth searching: β from {least:g} to {most:g}"
    if not found.controlled:
        worth += ", objective.weight from {:g} to {:g}".format(*found.search_weight)
    if found.front is not None:
        floor = (
            "D and R are those of the linear-Gaussian VAE: exact at collapse, and an upper bound "
            "of the least D + βR elsewhere; a trained model above it has not converged, or is too "
            "weak"
        )
        if found.knee is not None:
            return [f"{floor}.", f"{worth}: a tenth of the linear front's knee to 1.5 β_c."]
    else:
        floor = "live: directions that are worth a latent at collapse, at most as many as latents"
    return [
        f"{floor}.",
        f"{worth}: from a hundredth of β at collapse, since there is no knee of a linear front, to "
        "1.5 times β at collapse.",
    ]


def as_html(found: "Forecast") -> str:
    """All of it, as a notebook shows it."""
    every, over = conventions(found), over_beta(found)
    return (
        html.paragraphs(*heading(found))
        + html.table(every.head, every.rows)
        + html.table(over.head, over.rows, words=())
        + html.paragraphs(*meaning(found), *found.cautions)
    )


def counted(n: int, what: str) -> str:
    """`1 direction`, `1,200 directions`."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def two_digits(value: float, rounded: Callable[[float], float]) -> float:
    """`value` in two significant digits, by `round`, `math.floor` or `math.ceil`."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{rounded(value / unit) * unit:.2g}")
