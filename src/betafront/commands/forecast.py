"""`betafront forecast`: what the data says about β, before anything is trained."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from betafront.api.forecast import forecast as forecast_of
from betafront.files import check_target
from betafront.forecast.forecast import Forecast
from betafront.forecast.words import Shown, conventions, heading, meaning, over_beta
from betafront.study.search.automatic import interval
from betafront.terminal import command_line, console, print_careful, print_json, print_next

WEIGHT = "objective.weight="


def forecast(words: Sequence[str], as_json: bool, picture: Path | None) -> None:
    """Make a forecast, and print it.

    Args:
        words: choices and settings.
        as_json: print JSON.
        picture: a PNG file for the picture.

    Raises:
        UserError: there is no forecast, or the picture cannot be written there.
    """
    if picture is not None:
        check_target(picture)
    found = forecast_of(*words)
    if picture is not None:
        draw(found, picture)
    if as_json:
        print_json(found.to_json())
    else:
        show(found, words, picture)


def draw(found: Forecast, path: Path) -> None:
    """Write the picture of a forecast as a PNG file."""
    from betafront.forecast.picture import figure_of
    from betafront.front.show.picture import save

    save(figure_of(found), path)


def show(found: Forecast, words: Sequence[str], picture: Path | None) -> None:
    """Print a forecast, and the commands to go on with."""
    out = console()
    for line in heading(found):
        out.print(line)
    out.print(table(conventions(found)))
    out.print(table(over_beta(found), words=False))
    for line in meaning(found):
        out.print(line)
    print_careful(found.cautions, out)
    print_next(next_steps(found, words, picture), out)


def next_steps(
    found: Forecast, words: Sequence[str], picture: Path | None
) -> list[tuple[str, str | Path]]:
    """The commands to go on with: where a controller sets β, a run; else a search of the weight."""
    steps: list[tuple[str, str | Path]] = []
    if found.controlled:
        steps.append(("train", command_line("train", options=words)))
    else:
        low, high = found.search_weight
        same = [word for word in words if not word.lstrip("+").startswith(WEIGHT)]
        searched = WEIGHT + interval(low, high)
        steps.append(("sweep", command_line("sweep", options=[*same, searched])))
        if found.knee is not None:
            at = f"{WEIGHT}{found.weight(found.knee.beta):.3g}"
            steps.append(("at the knee", command_line("train", options=[*same, at])))
    if picture is not None:
        steps.append(("picture", picture.absolute()))
    return steps


def table(shown: Shown, words: bool = True) -> Table:
    """A table for the terminal.

    Args:
        shown: what is in it.
        words: whether its first column is of words.
    """
    found = Table(box=None)
    for i, name in enumerate(shown.head):
        left = (words and i == 0) or name == ""
        found.add_column(name, justify="left" if left else "right", no_wrap=True)
    for row in shown.rows:
        found.add_row(*row)
    return found
