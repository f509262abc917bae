"""A study by its name, with its specification."""

from typing import TYPE_CHECKING

from betafront.addresses import runs_folder
from betafront.study.spec import Spec, is_ours
from betafront.study.storage.opening import find, find_storage
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
    study = find(name, runs, is_ours)
    return study, Spec.load(study, runs / study.study_name)


def find_store(name: str | None) -> tuple[Store, Spec]:
    """As `find_study`, to be written."""
    runs = runs_folder()
    store = Store(*find_storage(name, runs, is_ours))
    return store, Spec.load(store.study, runs / store.study.study_name)
