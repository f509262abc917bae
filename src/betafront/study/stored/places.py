"""Where the runs and the record of a study go: as this user's own command and settings say, and not
as the study's storage does."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from betafront.addresses import FROM_ENVIRONMENT, SQLITE, looked_up, masked, runs_folder
from betafront.config.overrides import parse
from betafront.study.search.choices import written
from betafront.study.stored.known import is_known_folder, is_known_tracking

RUNS, STORAGE, TRACKING, LOGGERS = PLACES = ("runs", "storage", "tracking", "loggers")
"""The keys of a configuration that say where something is written or sent."""


def with_own_places(
    command: Sequence[str], study: str, typed: Sequence[str], storage: str
) -> list[str]:
    """The stored words of a command, with the storage in which the study was found. A stored word
    that names another place than this user's is left out, and that is said in a line.

    Args:
        command: the stored words.
        study: its name.
        typed: the words of this command.
        storage: the address of the storage in which this command has found the study.
    """
    kept, left_out = list[str](), list[str]()
    for word in command:
        if word in typed or place_of(word) is None or _is_known(word):
            kept.append(word)
        elif not _is_same(word, storage):
            left_out.append(masked(word))
    if left_out:
        print(
            f"Left out of the command of {study}, as the storage has it: {' '.join(left_out)}. "
            "Where runs and records go is for your own command to say: give that word, if you "
            "want it.",
            file=sys.stderr,
        )
    given = any(place_of(word) == STORAGE for word in typed)
    return kept if given else [*kept, f"storage.url={written(storage)}"]


def place_of(word: str) -> str | None:
    """Which of PLACES a word sets, other than by a choice of `tracking` or `loggers`, all of which
    lie in the user's own folders; None for any other word."""
    key, _, value = word.lstrip("+~").partition("=")
    first = re.split("[./@]", key)[0]
    if key in (TRACKING, LOGGERS) and not value.lstrip().startswith("{"):
        return None
    return first if first in PLACES else None


def _is_known(word: str) -> bool:
    """Whether a word names a place that this user has named in a sweep, or in the environment."""
    match word.partition("="):
        case ("runs", _, _):
            return is_known_folder(_value(word))
        case ("tracking.uri", _, _):
            return is_known_tracking(_value(word))
    return False


def _is_same(word: str, storage: str) -> bool:
    """Whether a word names the place that is used without it."""
    match word.partition("="):
        case ("runs", _, _):
            return Path(_value(word) or "/").absolute() == runs_folder()
        case ("storage", _, "postgres"):
            return storage == FROM_ENVIRONMENT
        case ("storage", _, "sqlite"):
            return storage.startswith(SQLITE)
        case ("storage.url", _, _):
            return _value(word) in (storage, looked_up(storage))
    return False


def _value(word: str) -> str:
    """The value that a word sets; empty where it sets several in turn."""
    (override,) = parse([word])
    return "" if override.is_sweep_override() else str(override.value())
