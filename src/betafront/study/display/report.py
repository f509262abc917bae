"""The report of a study: the front and the decision in the terminal, and as files."""

import json
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rich.console import Console

from betafront.files import write_whole
from betafront.front import USUAL, Asked, draw_front, print_study
from betafront.front.show.report import write_page
from betafront.study.display.chapter import chapter
from betafront.study.display.failures import print_failures
from betafront.study.display.next_commands import command_on, next_commands
from betafront.study.display.others import print_others
from betafront.study.results.read import read
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links, Tracker
from betafront.study.tracker.publish import write_record_if_possible
from betafront.terminal import print_next

if TYPE_CHECKING:
    from optuna import Study

    from betafront.front import Advice

PAGE, PICTURE, DATA, MADE_BY = "front.html", "front.png", "front.csv", "study.json"


def report(
    study: "Study", spec: Spec, tracker: Tracker, out: Console, asked: Asked = USUAL
) -> None:
    """Print the front and the decision, write the report's files and the tracker's record, and say
    where they are.

    Args:
        study: to report on.
        spec: of the study.
        tracker: that records the study.
        out: the terminal.
        asked: points of the front that are shown beside the usual ones.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    print_report(study, spec, out, asked)
    write_files(study, spec, tracker, out, asked)


def print_report(study: "Study", spec: Spec, out: Console, asked: Asked = USUAL) -> None:
    """As `report`, without writing anything."""
    found = read(study, spec)
    print_failures(found.trials, spec, out)
    print_others(found.trials, spec, out)
    print_study(found.table, found.facts, out, found.runs, asked)


def write_page_alone(
    study: "Study", spec: Spec, tracker: Tracker, path: Path, asked: Asked = USUAL
) -> "list[Advice]":
    """Write the page of a study into the file `path`, and nothing else; what it advises.

    Raises:
        UserError: no trial is complete, or the study cannot answer what was asked.
    """
    made = chapter(study, spec, links_of(tracker, spec), asked=asked)
    write_page([made], path)
    return made.advice


def write_files(
    study: "Study", spec: Spec, tracker: Tracker, out: Console, asked: Asked = USUAL
) -> None:
    """As `report`, without printing the front and the decision."""
    found = read(study, spec)
    rows, known = found.table, found.facts
    if rows.empty:
        write_record_if_possible(study, spec, tracker, out)
        return
    from betafront.training.pictures.pages import draw_pages

    where = Path(spec.folder)
    for run in dict.fromkeys(found.front["folder"]):  # a page of every trial would take long
        draw_pages(where / run)
    folder = where / "report"
    folder.mkdir(parents=True, exist_ok=True)
    draw_front(rows, known, folder / PICTURE)
    advice = write_page_alone(study, spec, tracker, folder / PAGE, asked)
    write_whole(folder / DATA, rows.to_csv(index=False))
    write_whole(folder / MADE_BY, json.dumps(portable(spec), indent=1, ensure_ascii=False))
    write_record_if_possible(study, spec, tracker, out)
    print_next(
        [
            ("page", folder / PAGE),
            ("picture", folder / PICTURE),
            ("table", folder / DATA),
            ("runs", f"{quote(str(where))}/trial-*"),
            *next_commands(spec, rows, known, advice),
            ("state", command_on(spec, "status")),
        ],
        out,
    )


def links_of(tracker: Tracker, spec: Spec) -> Links:
    """Where the records of a study's trials open; nowhere, if the tracker cannot say."""
    try:
        return tracker.links(spec)
    except Exception:  # a record that is gone or damaged may raise any error
        return Links()


def portable(spec: Spec) -> dict[str, Any]:
    """What a study was made by: its space, settings, seeds and command, without paths and addresses
    of this machine."""
    made = asdict(spec)
    for key in ("folder", "tracking", "identity"):
        del made[key]
    return made
