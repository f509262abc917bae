"""The answers of `betafront weights` as tables that a person reads."""

from typing import Any

from rich.console import Console
from rich.table import Table

from betafront.objective.projects import PROJECTS
from betafront.objective.scale import NORMALISATIONS, SQUARED_ERRORS, Convention

WIDTH = 100  # columns, also where there is no terminal to ask


def console() -> Console:
    """A console of at most 100 columns."""
    out = Console(highlight=False)
    if out.is_terminal and out.width < WIDTH:
        return out
    return Console(highlight=False, width=WIDTH)


def print_weights(translated: dict[str, Any]) -> None:
    """Print a translation."""
    out = console()
    for line in heading(translated):
        out.print(line, markup=False)
    table = Table(box=None)
    table.add_column("convention")
    table.add_column("loss", no_wrap=True)
    table.add_column("w", justify="right", no_wrap=True)
    for name, weight in translated["weights"].items():
        table.add_row(name, NORMALISATIONS[name].formula, f"{weight:.6g}")
    for word in SQUARED_ERRORS:
        for name, weight in translated["squared_error_weights"][word].items():
            formula = Convention(NORMALISATIONS[name], word).formula
            table.add_row(f"{name}, squared error", formula, f"{weight:.6g}")
    out.print(table)


def heading(translated: dict[str, Any]) -> list[str]:
    """What was asked and what it comes to, in words."""
    beta, sigma = translated["beta"], translated["sigma"]
    lines = [
        f"w = {translated['weight']:g} in {translated['formula']} "
        f"({translated['normalisation']}, N = {translated['pixels']}, "
        f"M = {translated['latents']}): canonical β = {beta:.6g}, "
        f"β_norm = {translated['beta_norm']:.6g}"
    ]
    if "project" in translated:
        known = PROJECTS[translated["project"]]
        lines.insert(0, f"{known.title}: {known.computes}")
        lines.append(f"note: {known.note}")
    if "beta_sigma2" in translated:
        lines.append(
            f"A squared error sets only β·σ² = {translated['beta_sigma2']:.6g}; "
            + (
                f"β is that over σ², with σ = {sigma:.6g}."
                if translated["sigma_given"]
                else "σ = 1 is taken, since nobody said (--sigma)."
            )
        )
    elif not translated["sigma_given"]:
        lines.append("Beside a squared error σ = 1 is taken, since nobody said (--sigma).")
    else:
        lines.append(f"Beside a squared error σ = {sigma:.6g}.")
    return lines
