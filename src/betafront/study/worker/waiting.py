"""Waiting for a study that is not there yet: workers may be started before their sweep."""

import time
from pathlib import Path

from betafront.errors import UserError
from betafront.study.spec import SPEC
from betafront.study.storage.opening import NoStudy, find
from betafront.study.storage.study_store import is_away

EVERY_SECONDS = 2.0


def wait_for(name: str, runs: Path) -> None:
    """Return once there is a study of this name, whether or not its database is there yet.

    Args:
        name: of the study.
        runs: the folder of the studies' file, in which the study is looked for if it is not in the
            storage that BETAFRONT_STORAGE names.

    Raises:
        UserError: the storage cannot be opened for a reason that waiting does not mend, as a wrong
            password.
    """
    from betafront.terminal import console

    said = False
    while not _is_there(name, runs):
        if not said:
            said = True
            console().print(f"Waiting for the study {name} to begin …", soft_wrap=True)
        time.sleep(EVERY_SECONDS)


def _is_there(name: str, runs: Path) -> bool:
    try:
        return SPEC in find(name, runs).user_attrs
    except UserError as error:
        if isinstance(error, NoStudy) or is_away(error):
            return False
        raise
