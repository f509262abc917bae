"""A study as its report tells it, from its storage and run folders."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from betafront.errors import UserError
from betafront.front import USUAL, Asked, front
from betafront.front.show.report import Chapter, Failure
from betafront.study.display.failures import ADVICE, by_reason, log_of
from betafront.study.display.gallery import ROOM, along, taken, thumbnails
from betafront.study.display.lines import is_bad
from betafront.study.results.additions import additions
from betafront.study.results.table import facts, reason, runs_table, table
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links
from betafront.study.trials.ledger import kind

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def chapter(
    study: "Study", spec: Spec, links: Links, room: int = ROOM, asked: Asked = USUAL
) -> Chapter:
    """What there is to tell of a study.

    Args:
        study: with trials that have finished.
        spec: of it.
        links: where its trials' runs open.
        room: characters that its pictures may take.
        asked: for more than the usual points.

    Raises:
        UserError: no trial has finished.
    """
    trials = study.get_trials(deepcopy=False)
    rows, folder = table(trials, additions(study.user_attrs)), Path(spec.folder)
    if rows.empty:
        raise UserError(f"no trial of {spec.name} has finished: there is nothing to report")
    members = front(rows, spec.objectives)
    shown = along(members, folder, room // 2)
    name = quote(spec.name)
    return Chapter(
        facts=facts(spec, trials),
        table=rows,
        runs=runs_table(trials),
        shown=shown,
        thumbnails=thumbnails(rows, spec.objectives, folder, room - taken(shown)),
        links=links.runs,
        needs=links.needs,
        failures=[_failure(alike, folder) for alike in by_reason([t for t in trials if is_bad(t)])],
        commands=[
            ("every run in MLflow", f"betafront ui {name}"),
            ("a trial again", f"betafront train --trial N --study {name}"),
            ("a trial's model", f"betafront export {name} --at trial=N"),
            ("beside another study", f"betafront compare {name} OTHER"),
        ],
        asked=asked,
    )


def _failure(alike: "list[FrozenTrial]", folder: Path) -> Failure:
    first = alike[0]
    numbers = [t.number for t in alike]
    return Failure(reason(first), numbers, log_of(first, folder), ADVICE.get(kind(first), ""))
