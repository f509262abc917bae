"""The commands that lead on from a study."""

from pathlib import Path
from shlex import quote

from betafront.addresses import runs_folder
from betafront.study.spec import Spec
from betafront.terminal import command_line


def command_on(spec: Spec, command: str) -> str:
    """A command on a study, ready to be copied; where the study does not lie in the folder of the
    runs that commands look into, it says that folder."""
    where = Path(spec.folder).parent
    at_hand = where == runs_folder()
    place = "" if at_hand else f"BETAFRONT_RUNS={quote(str(where))} "
    return place + command_line(command, spec.name)


def next_commands(spec: Spec, decided: bool, tested: bool) -> list[tuple[str, str]]:
    """What each command is for, and the command.

    Args:
        spec: of the study.
        decided: whether the study has a decision.
        tested: whether that was put to the test.
    """
    commands = {"confirm": "confirm"} if decided and not tested else {}
    if decided:
        commands["model"] = "export"
    if spec.is_recorded:
        commands["in MLflow"] = "ui"
    return [(what, command_on(spec, command)) for what, command in commands.items()]
