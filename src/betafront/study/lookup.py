"""A study by its name, with its specification."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from betafront.addresses import runs_folder
from betafront.study.spec import Spec
from betafront.study.storage.opening import NoStudy, find, find_storage
from betafront.study.storage.study_store import Store

if TYPE_CHECKING:
    from optuna import Study


def find_study(name: str | None) -> tuple["Study", Spec]:
    """A study, to be read: in the storage that BETAFRONT_STORAGE names, where it is set, and then
    in the file below the runs folder. Without a name the newest of the first of the two that has
    any.

    Raises:
        UserError: there is none of that name, or none at all.
    """
    runs = runs_folder()
    study = find(name, runs)
    return study, Spec.load(study, runs / study.study_name)


def find_store(name: str | None) -> tuple[Store, Spec]:
    """As `find_study`, to be written."""
    runs = runs_folder()
    store = Store(*find_storage(name, runs))
    return store, Spec.load(store.study, runs / store.study.study_name)


def study_and_overrides(first: str | None, rest: Sequence[str]) -> tuple[str | None, list[str]]:
    """The name of a study, None where there is none, and the overrides that may stand in its place
    or after it. A word with an = is an override, unless a study is called so.

    Args:
        first: the first word, or None for the first of `rest`.
        rest: the other words.
    """
    words = [*rest] if first is None else [first, *rest]
    if words and ("=" not in words[0] or _is_there(words[0])):
        return words[0], words[1:]
    return None, words


def _is_there(name: str) -> bool:
    try:
        find_storage(name, runs_folder())
    except NoStudy:
        return False
    return True
