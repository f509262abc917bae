"""A study by its name, with its specification."""

from pathlib import Path
from typing import TYPE_CHECKING

from betafront.addresses import looked_up, runs_folder, sqlite_path
from betafront.study.spec import Spec
from betafront.study.storage.opening import Storage, find_storage, load_study
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
    storage, found = find_storage(name, runs_folder())
    study = load_study(storage, found)
    return study, Spec.load(study, _folder(found, storage))


def find_store(name: str | None) -> tuple[Store, Spec]:
    """As `find_study`, to be written.

    Raises:
        UserError: the storage cannot be written.
    """
    storage, found = find_storage(name, runs_folder(), reading=False)
    store = Store(storage, found)
    return store, Spec.load(store.study, _folder(found, storage))


def _folder(name: str, storage: Storage) -> Path:
    """Where the runs of a study are: below the runs folder, or else beside the file in which it is
    kept, as where BETAFRONT_STORAGE names that of an archive."""
    own, file = runs_folder() / name, sqlite_path(looked_up(storage.url))
    if file is None or own.is_dir():
        return own
    beside = file.absolute().parent / name
    return beside if beside.is_dir() else own
