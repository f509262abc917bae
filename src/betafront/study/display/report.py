"""The end of a sweep: the front and the decision in the terminal, and as files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from betafront.addresses import runs_folder
from betafront.front import USUAL, Asked, draw_front, front, print_study
from betafront.front.show.report import write_page
from betafront.study.display.chapter import chapter
from betafront.study.display.failures import print_failures
from betafront.study.results.additions import additions
from betafront.study.results.table import facts, runs_table, table
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links, View
from betafront.study.tracker.publish import write_record_if_possible
from betafront.terminal import print_next
from betafront.training.pictures.pages import draw_pages

if TYPE_CHECKING:
    from optuna import Study

PAGE, PICTURE, DATA, MADE_BY = "front.html", "front.png", "front.csv", "study.json"


def report(study: "Study", spec: Spec, view: View, out: Console, asked: Asked = USUAL) -> None:
    """Print what the study found, write its files and its record, and say where to look.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    trials = study.get_trials(deepcopy=False)
    rows = table(trials, additions(study.user_attrs))
    runs, known = runs_table(trials), facts(spec, trials)
    print_failures(trials, spec, out)
    print_study(rows, known, out, runs, asked)
    if rows.empty:
        write_record_if_possible(study, spec, view, out)
        return
    where = Path(spec.folder)
    for run in front(rows, known.objectives)["folder"]:  # those that are looked at
        draw_pages(where / run)
    folder = where / "report"
    folder.mkdir(parents=True, exist_ok=True)
    draw_front(rows, known, folder / PICTURE)
    write_page([chapter(study, spec, links_of(view, spec), asked=asked)], folder / PAGE)
    rows.to_csv(folder / DATA, index=False)
    (folder / MADE_BY).write_text(json.dumps(portable(spec), indent=1, ensure_ascii=False))
    write_record_if_possible(study, spec, view, out)
    here = where.parent == runs_folder()  # else the commands must be told where
    command = "betafront" if here else f"BETAFRONT_RUNS={where.parent} betafront"
    print_next(
        [
            ("page", folder / PAGE),
            ("picture", folder / PICTURE),
            ("table", folder / DATA),
            ("runs", where / "trial-*"),
            ("in MLflow", f"{command} ui {spec.name}"),
            ("state", f"{command} status {spec.name}"),
        ],
        out,
    )


def links_of(view: View, spec: Spec) -> Links:
    """Where a study's trials are shown, if that can be found out."""
    try:
        return view.links(spec)
    except Exception:  # a record that is gone or damaged raises almost anything
        return Links()


def portable(spec: Spec) -> dict[str, Any]:
    """What made a study: its space, settings, seeds and command, and nothing of this machine."""
    made = asdict(spec)
    for key in ("folder", "tracking"):
        del made[key]
    return made
