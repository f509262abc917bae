"""`betafront worker`: the command line with which a worker joins a sweep."""

from collections.abc import Sequence

from betafront.addresses import runs_folder
from betafront.errors import UserError
from betafront.study.lookup import find_study
from betafront.study.stored_command import stored_command
from betafront.study.worker.waiting import wait_for

OF_LAUNCHER = ("hydra/launcher=", "hydra.launcher.")


def arguments_to_join(words: Sequence[str], wait: bool) -> list[str]:
    """What Hydra's application is called with: the overrides of the sweep, with one worker in this
    process.

    Args:
        words: the name of a study (none for the newest) and overrides, or the overrides alone.
        wait: for the study, where nobody has begun it yet.

    Raises:
        UserError: there is no such study, none was named to wait for, or the stored command of the
            study asks for what is not trusted.
    """
    named = bool(words) and "=" not in words[0]
    if wait:
        if not named:
            raise UserError("--wait needs the name of the study: betafront worker NAME --wait")
        wait_for(words[0], runs_folder())
    if named or not words:
        _, spec = find_study(words[0] if named else None)
        words = [*stored_command(_kept(spec.command), spec.name, words[1:]), *words[1:]]
    return ["--multirun", "hydra.sweeper.join=true", "hydra/launcher=basic", *_kept(words)]


def _kept(words: Sequence[str]) -> list[str]:
    """The words that are not about launching."""
    return [word for word in words if not word.lstrip("+~").startswith(OF_LAUNCHER)]
