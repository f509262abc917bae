"""A study as one chapter of a report, from its storage and its run folders."""

from pathlib import Path
from typing import TYPE_CHECKING

from betafront.errors import UserError
from betafront.front import USUAL, Asked
from betafront.front.show.report import Chapter, Failure
from betafront.study.display.failures import ADVICE, again, by_reason, failed_trials, log_of
from betafront.study.display.gallery import ROOM, along, taken, thumbnails, truth
from betafront.study.results.read import read
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links
from betafront.study.trials.status import kind_of_failure, reason
from betafront.terminal import command_line

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def chapter(
    study: "Study", spec: Spec, links: Links, room: int = ROOM, asked: Asked = USUAL
) -> Chapter:
    """What the report of a study shows.

    Args:
        study: with complete trials.
        spec: of the study.
        links: where the records of its trials open.
        room: characters that the pictures may take.
        asked: points of the front that are shown beside the usual ones.

    Raises:
        UserError: no trial is complete.
    """
    found = read(study, spec)
    rows, folder = found.table, found.folder
    if rows.empty:
        raise UserError(f"no trial of {spec.name} has finished: there is nothing to report")
    shown = along(found.front, folder, room // 2)
    return Chapter(
        facts=found.facts,
        table=rows,
        runs=found.runs,
        shown=shown,
        thumbnails=thumbnails(rows, spec.objectives, folder, room - taken(shown)),
        links=links.runs,
        needs=links.needs,
        failures=[_failure(group, folder) for group in by_reason(failed_trials(found.trials))],
        commands=[
            ("every run in MLflow", command_line("ui", spec.name)),
            (
                "a trial again",
                again("N", spec),
            ),
            ("a trial's model", command_line("export", spec.name, options=["--at", "trial=N"])),
            ("beside another study", command_line("compare", spec.name, "OTHER")),
        ],
        asked=asked,
        truth=truth(folder / found.front.iloc[0]["folder"]),
    )


def _failure(group: "list[FrozenTrial]", folder: Path) -> Failure:
    """The trials that failed for the same reason."""
    first = group[0]
    numbers = [t.number for t in group]
    advice = ADVICE.get(kind_of_failure(first), "")
    return Failure(reason(first), numbers, log_of(first, folder), advice)
