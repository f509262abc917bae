"""The whole record of a study: each trial that ended, and the study as it stands."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from betafront.errors import one_line
from betafront.study.results.added_metrics import additions
from betafront.study.results.table import facts, rows, runs_table, table
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Tracker
from betafront.study.trials.ours import trial_folder
from betafront.study.trials.status import Status, reason, status
from betafront.terminal import command_line, print_sentence

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def write_record(study: "Study", spec: Spec, tracker: Tracker) -> None:
    """Have a tracker record all of a study that it has not recorded yet.

    Raises:
        Exception: what the tracker raises where the other program cannot be reached or written.
    """
    trials, folder = study.get_trials(deepcopy=False), Path(spec.folder)
    added = additions(study.user_attrs)
    for row in rows(trials, added).values():
        tracker.record(spec, row, folder / row["folder"])
    for trial in trials:
        write_without_result(trial, spec, tracker)
    known = facts(spec, trials, study.user_attrs)
    every = table(trials, spec.objectives, added), runs_table(trials, spec.objectives)
    tracker.finish(spec, *every, known, folder / "report")


def write_without_result(trial: "FrozenTrial", spec: Spec, tracker: Tracker) -> None:
    """Have a tracker record a trial that has ended without a result, if it failed or was pruned."""
    writers = {Status.FAILED: tracker.failed, Status.PRUNED: tracker.pruned}
    if (write := writers.get(status(trial))) is not None:
        where = Path(spec.folder) / trial_folder(trial.number)
        write(spec, trial.number, trial.params, reason(trial), where)


def write_record_if_possible(study: "Study", spec: Spec, tracker: Tracker, out: Console) -> None:
    """As `write_record`; where it fails, say what the record lacks and the way out."""
    try:
        tracker.start(spec)  # what it knows of may have been deleted in the other program since
        write_record(study, spec, tracker)
    except Exception as error:
        trials = study.get_trials(deepcopy=False)
        recorded = (Status.COMPLETE, Status.FAILED, Status.PRUNED)
        ended = {t.number for t in trials if status(t) in recorded}
        missing = sorted(ended - tracker.written())
        which = f"trials {in_words(missing)} and the front" if missing else "the front"
        line = (
            f"The record in MLflow is not complete: {one_line(error)[:250]}. As far as is known it "
            f"lacks {which}. What is missing is written by: {command_line('sync', spec.name)}"
        )
        print_sentence(line, out, style="yellow")
    print_news(tracker, out)


def print_news(tracker: Tracker, out: Console) -> None:
    """Print what a tracker has to say of its record."""
    for line in tracker.news():
        out.print(line, style="yellow", markup=False)


def in_words(numbers: Iterable[int]) -> str:
    """Whole numbers in ascending order, those that follow one another together.

    >>> in_words([0, 1, 2, 5, 7, 8])
    '0-2, 5, 7-8'
    """
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ", ".join("-".join(map(str, span)) for span in spans)
