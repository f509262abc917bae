"""The answers of `betafront weights` as tables that a person reads."""

from typing import Any

from rich.table import Table

from betafront.terminal import console
from betafront.weights.audit import Verdict
from betafront.weights.words import answers, heading, remarks, rows_of


def print_weights(translated: dict[str, Any]) -> None:
    """Print a translation."""
    out = console()
    for line in heading(translated):
        out.print(line, markup=False)
    table = Table(box=None)
    table.add_column("convention")
    table.add_column("loss", no_wrap=True)
    table.add_column("w", justify="right", no_wrap=True)
    for row in rows_of(translated):
        table.add_row(*row)
    out.print(table)


def print_projects(rows: list[dict[str, Any]]) -> None:
    """Print the audits of well-known projects."""
    table = Table(box=None)
    for name in ("project", "loss"):
        table.add_column(name)
    for name in ("w", "images", "M", "β", "β_norm", "β = 1 at σ"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row["project"], row["loss"], *numbers(row))
    out = console()
    out.print(table)
    out.print("β of a squared error is at σ = 1. Any of them: betafront weights --project NAME")


def numbers(row: dict[str, Any]) -> list[str]:
    """The numbers of a project's row."""
    one = row["sigma_for_one"]
    return [
        f"{row['weight']:g}",
        "x".join(map(str, row["shape"])),
        str(row["latents"]),
        f"{row['beta']:g}",
        f"{row['beta_norm']:g}",
        "any" if one is None else f"{one:g}",
    ]


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """The same for a page, with the notes."""
    head = ("project", "loss", "w", "images", "M", "β", "β_norm", "β = 1 at σ", "to know")
    lines = [head, ("---",) * len(head)]
    lines += [(row["title"], row["loss"], *numbers(row), row["note"]) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def print_verdict(verdict: Verdict) -> None:
    """Print the result of an audit."""
    out = console()
    shape = "x".join(map(str, verdict.shape))
    spatial = len(verdict.latent_shape) > 1
    latents = f" ({'x'.join(map(str, verdict.latent_shape))})" if spatial else ""
    head = f"{verdict.loss}, probed at {shape} with M = {verdict.latents}{latents}"
    out.print(head, markup=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for question, answer in answers(verdict):
        table.add_row(question, answer)
    out.print(table)
    for line in remarks(verdict):
        out.print(line, markup=False)
    if verdict.equivalent:
        out.print("the same optimum in betafront:")
        command = verdict.equivalent.replace(" likelihood=", " \\\n    likelihood=")
        out.print(f"  betafront train {command}", markup=False, soft_wrap=True)
