"""`betafront worker`: the command line with which a worker joins a sweep."""

from collections.abc import Sequence

from betafront.addresses import runs_folder
from betafront.errors import UserError
from betafront.study.lookup import find_study, storage_of, study_and_overrides
from betafront.study.stored.command import stored_command
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
    name, overrides = study_and_overrides(None, words)
    if wait:
        if name is None:
            raise UserError("--wait needs the name of the study: betafront worker NAME --wait")
        wait_for(name, runs_folder())
    if name is not None or not words:
        _, spec = find_study(name)
        kept, storage = _kept(spec.command), storage_of(spec.name)
        words = [*stored_command(kept, spec.name, overrides, storage), *overrides]
    return ["--multirun", "hydra.sweeper.join=true", "hydra/launcher=basic", *_kept(words)]


def _kept(words: Sequence[str]) -> list[str]:
    """The words that are not about launching."""
    return [word for word in words if not word.lstrip("+~").startswith(OF_LAUNCHER)]
