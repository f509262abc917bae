"""`betafront report`: a study's page, picture and table; or one page of several studies."""

from collections.abc import Sequence
from pathlib import Path

from betafront.commands.compare import compare
from betafront.errors import UserError
from betafront.front import Asked
from betafront.study.display.report import report as write
from betafront.study.lookup import find_study
from betafront.terminal import console
from betafront.tracking import Reader


def report(names: Sequence[str], to: Path | None, asked: Asked) -> None:
    """Write the report of a study into its folder, or one of several studies.

    Args:
        names: of the studies; empty for the newest.
        to: the page of several studies; None for `report.html`.
        asked: for more points of the front of one study.

    Raises:
        UserError: there is no such study, or it cannot answer what was asked.
    """
    if len(names) > 1:
        if asked != Asked():
            raise UserError("--rate and --within are for the report of one study")
        compare(names, html=to or Path("report.html"))
        return
    if to is not None:
        raise UserError("--to is for a page of several studies: one has its page in its folder")
    write(*find_study(names[0] if names else None), Reader(), console(), asked)
