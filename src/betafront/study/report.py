"""The end of a sweep: the front and the decision in the terminal, and as files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from betafront.front import draw_front, print_next, print_study, write_page
from betafront.study.records import facts, reason, state, table
from betafront.study.spec import Spec
from betafront.study.view import View

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

PAGE, PICTURE, DATA, MADE_BY = "front.html", "front.png", "front.csv", "study.json"


def report(study: "Study", spec: Spec, view: View, out: Console) -> None:
    """Print what the study found, write its files, and say where to look."""
    trials = study.get_trials(deepcopy=False)
    rows, known = table(trials), facts(spec, trials)
    print_failures(trials, out)
    print_study(rows, known, out)
    if rows.empty:
        return
    folder = Path(spec.folder) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    draw_front(rows, known, folder / PICTURE)
    write_page(rows, known, folder / PAGE)
    rows.to_csv(folder / DATA, index=False)
    (folder / MADE_BY).write_text(json.dumps(portable(spec), indent=1, ensure_ascii=False))
    try:
        view.finish(spec, rows, known, folder)
    except Exception as error:
        out.print(f"[yellow]MLflow was not written: {' '.join(str(error).split())[:200]}[/]")
    where = Path(spec.folder)
    print_next(
        [
            ("page", folder / PAGE),
            ("picture", folder / PICTURE),
            ("table", folder / DATA),
            ("runs", where / "trial-*"),
            ("in MLflow", f"betafront ui {spec.name}"),
            ("state", f"betafront status {spec.name}"),
        ],
        out,
    )


def portable(spec: Spec) -> dict[str, Any]:
    """What made a study: its space, settings, seeds and command, and nothing of this machine."""
    made = asdict(spec)
    for key in ("folder", "tracking"):
        del made[key]
    return made


def print_failures(trials: "list[FrozenTrial]", out: Console) -> None:
    """A table of the trials that failed, and why."""
    failed = [t for t in trials if state(t) == "failed"]
    if not failed:
        return
    shown = Table(title=f"{len(failed)} failed trials", title_justify="left", box=None)
    shown.add_column("trial", justify="right")
    shown.add_column("reason")
    shown.add_column("parameters")
    for t in failed[:20]:
        params = " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}"
                          for k, v in t.params.items())  # fmt: skip
        shown.add_row(str(t.number), reason(t), params)
    out.print(shown)
