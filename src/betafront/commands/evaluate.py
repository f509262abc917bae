"""`betafront evaluate`: the trained models of a study, measured by more metrics than they were."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from betafront.api.evaluate import Evaluated, evaluate_study
from betafront.files import check_target, write_whole
from betafront.terminal import command_line, console, print_next


def evaluate(
    name: str | None, words: Sequence[str], number: int | None = None, to: Path | None = None
) -> None:
    """Measure the trained models of a study, and print the values.

    Args:
        name: of the study; None for the newest.
        words: overrides of the group `metrics`.
        number: of the only trial to measure; None measures all.
        to: a CSV file for the values, in place of the study, which may be read-only.

    Raises:
        UserError: there is nothing to measure, or it cannot be measured so.
    """
    if to is not None:
        check_target(to)
    found, out = evaluate_study(name, words, number, keep=to is None), console()
    out.print(table(found))
    out.print(repr(found))
    if to is not None:
        write_whole(to, found.trials.to_csv(index=False))
        print_next([("table", to.absolute())], out)
    elif found.kept:
        print_next(
            [
                ("table", command_line("report", found.study)),
                ("in MLflow", command_line("sync", found.study)),
            ],
            out,
        )
    else:
        out.print(
            f"{found.folder} cannot be written: the values are shown and not kept; --to FILE.csv "
            "writes them",
            style="yellow",
            soft_wrap=True,
        )


def table(found: Evaluated) -> Table:
    """The trials in order of their rates, with the first of the values."""
    head, cells = found.shown
    shown = Table(box=None)
    for name in head:
        shown.add_column(name, justify="right")
    for row in cells:
        shown.add_row(*row)
    return shown
