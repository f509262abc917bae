"""`betafront report`: a study's page, picture and table; or one page of several studies."""

from collections.abc import Sequence
from pathlib import Path

from betafront.commands.compare import compare
from betafront.errors import UserError
from betafront.files import can_write, check_target
from betafront.front import Asked
from betafront.study.display.report import print_report, write_files, write_page_alone
from betafront.study.lookup import find_study
from betafront.terminal import console, print_next
from betafront.tracking import Reader


def report(names: Sequence[str], to: Path | None, asked: Asked) -> None:
    """Write the report of a study into its folder, or one of several studies.

    Args:
        names: of the studies; empty for the newest.
        to: the page, and all that is written then; None for the report in the folder of the study,
            or for `report.html` with several of them.
        asked: for more points of the front of one study.

    Raises:
        UserError: there is no such study, it cannot answer what was asked, or its folder cannot be
            written.
    """
    if len(names) > 1:
        if asked != Asked():
            raise UserError("--rate and --within are for the report of one study")
        compare(names, html=to or Path("report.html"))
        return
    if to is not None:
        check_target(to)
    study, spec = find_study(names[0] if names else None)
    out = console()
    print_report(study, spec, out, asked)
    if to is not None:
        write_page_alone(study, spec, Reader(), to, asked)
        print_next([("page", to.absolute())], out)
    elif can_write(Path(spec.folder)):
        write_files(study, spec, Reader(), out, asked)
    else:
        raise UserError(
            f"{spec.folder} cannot be written: write the page elsewhere with --to PAGE.html"
        )
