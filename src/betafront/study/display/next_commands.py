"""The commands that lead on from a study."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import pandas as pd

from betafront.addresses import runs_folder
from betafront.front.decision.confirmation.confirmed import RUNS, SHARE, runs_of
from betafront.front.table import Facts
from betafront.study.spec import Spec
from betafront.terminal import command_line

if TYPE_CHECKING:
    from betafront.front import Advice


def command_on(spec: Spec, command: str) -> str:
    """A command on a study, ready to be copied; where the study does not lie in the folder of the
    runs that commands look into, it says that folder."""
    where = Path(spec.folder).parent
    at_hand = where == runs_folder()
    place = "" if at_hand else f"BETAFRONT_RUNS={quote(str(where))} "
    return place + command_line(command, spec.name)


def next_commands(
    spec: Spec, table: pd.DataFrame, facts: Facts, advice: "Sequence[Advice]"
) -> list[tuple[str, str]]:
    """What each command is for, and the command: the decision is put to the test where that was
    not done since, and the sweep is large enough.

    Args:
        spec: of the study.
        table: finished trials.
        facts: of the study.
        advice: the decision first; empty where there is none.
    """
    known = facts.confirmation
    tested = known is not None and not known.outdated(table, advice)
    commands = {}
    if advice and not tested and runs_of(table) >= SHARE * RUNS:
        commands["confirm"] = "confirm"
    if advice:
        commands["model"] = "export"
    if spec.is_recorded:
        commands["in MLflow"] = "ui"
    return [(what, command_on(spec, command)) for what, command in commands.items()]
