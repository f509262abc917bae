"""`betafront compare`: fronts of studies side by side, or of groups within one."""

from collections.abc import Sequence
from pathlib import Path

from betafront.api.compare import Compared
from betafront.api.compare import compare as measured
from betafront.errors import UserError
from betafront.files import check_target, write_whole
from betafront.front.show.comparison import print_comparison
from betafront.terminal import console, print_json, print_next


def compare(
    names: Sequence[str],
    by: str | None = None,
    as_json: bool = False,
    csv: Path | None = None,
    png: Path | None = None,
    html: Path | None = None,
) -> None:
    """Print the fronts of studies beside each other, and write the files that are asked for.

    Args:
        names: of the studies; empty for the newest.
        by: a searched parameter, by whose values the trials of each study make groups.
        as_json: print JSON, and write no files.
        csv, png, html: all trials, the fronts as a picture, and the page of the studies.

    Raises:
        UserError: there is nothing to compare, it does not compare, or a file cannot be written.
    """
    if as_json and any((csv, png, html)):
        raise UserError("--json prints the comparison alone: leave out --csv, --png and --html")
    for path in filter(None, (csv, png, html)):
        check_target(path)
    compared = measured(*names, by=by)
    if as_json:
        print_json(compared.record)
        return
    show(compared, csv, png, html)


def show(
    compared: Compared,
    csv: Path | None = None,
    png: Path | None = None,
    html: Path | None = None,
) -> None:
    """Print a comparison, and write the files that were asked for: all trials, the fronts as a
    picture, and the page of the studies."""
    out = console()
    print_comparison(compared.found, compared.parameters, out)
    written = []
    if csv is not None:
        write_whole(csv, compared.trials.to_csv(index=False))
        written.append(("table", csv.absolute()))
    if png is not None:
        written.append(("picture", compared.picture(png)))
    if html is not None:
        written.append(("page", compared.page(html)))
    print_next(written, out)
