"""Waiting for a study that nobody has begun yet: workers may be there before their sweep."""

import time
from pathlib import Path

from betafront.errors import UserError
from betafront.study.spec import SPEC
from betafront.study.storage.opening import NoStudy, find
from betafront.study.storage.study_store import is_away

EVERY_SECONDS = 2.0


def wait_for(name: str, runs: Path) -> None:
    """Return once there is a study of this name, also where its database is not there yet.

    Args:
        name: of the study.
        runs: where its file would be, if it is in none that BETAFRONT_STORAGE names.

    Raises:
        UserError: what is wrong mends itself by no waiting, as a wrong password does.
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
