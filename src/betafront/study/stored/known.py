"""The places that this user's own sweeps have named: folders of runs, and tracking servers.

The storage of a study says where its record is. Others may have written that, and the password in
MLFLOW_TRACKING_PASSWORD is not for a server of theirs. So such a place is used where the
environment names it too, or a sweep of this user's has named it before: these are kept in a file
below the user's home, as ssh keeps the hosts that it knows.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from betafront.addresses import READ_BY, SQLITE, TRACKING, runs_folder

STATE = "XDG_STATE_HOME"


def remember(runs: str, tracking: str | None) -> None:
    """Keep the places of a sweep, but for those that every command finds by itself.

    Args:
        runs: the folder of the runs.
        tracking: the address of MLflow; None without one.
    """
    places = [] if Path(runs).absolute() == runs_folder() else [_of_runs(runs)]
    beside = f"{SQLITE}{Path(runs).absolute() / 'mlflow.db'}"
    if tracking and tracking not in READ_BY and _plain(tracking) != beside:
        places.append(_of_tracking(tracking))
    new = [place for place in places if place not in _kept() and "\n" not in place]
    if new:
        with suppress(OSError, RuntimeError):  # a home that is read-only, or none
            _file().parent.mkdir(parents=True, exist_ok=True)
            with _file().open("a", encoding="utf-8") as file:
                file.writelines(f"{place}\n" for place in new)


def is_known_folder(runs: str) -> bool:
    """Whether a sweep of this user's has written its runs below this folder."""
    return _of_runs(runs) in _kept()


def is_known_tracking(address: str) -> bool:
    """Whether an address of MLflow is this user's: a variable of the environment, what that holds,
    or one that a sweep of this user's has named."""
    if address in READ_BY or _of_tracking(address) in _kept():
        return True
    own = os.environ.get(TRACKING, "")
    return own != "" and _plain(own) == _plain(address)


def _of_runs(folder: str) -> str:
    return f"runs={Path(folder).absolute()}"


def _of_tracking(address: str) -> str:
    return f"tracking.uri={_plain(address)}"


def _plain(address: str) -> str:
    """An address without a password, as it is compared."""
    if address.startswith(SQLITE):
        return f"{SQLITE}{Path(address.removeprefix(SQLITE)).absolute()}"
    return re.sub(r"//[^/@]*@", "//", address).rstrip("/")


def _kept() -> list[str]:
    with suppress(OSError, RuntimeError, UnicodeDecodeError):
        return _file().read_text(encoding="utf-8").splitlines()
    return []


def _file() -> Path:
    state = os.environ.get(STATE)
    return (Path(state) if state else Path.home() / ".local/state") / "betafront" / "places"
