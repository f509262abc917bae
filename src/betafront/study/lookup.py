"""A study by its name, with its specification."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.addresses import looked_up, runs_folder, sqlite_path
from betafront.study.spec import Spec, is_ours
from betafront.study.storage.opening import NoStudy, Storage, find_storage, load_study
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
    storage, found = find_storage(name, runs_folder(), is_ours)
    study = load_study(storage, found)
    spec = Spec.load(study, _folder(found, storage))
    if hint := where_the_runs_are(study.user_attrs, Path(spec.folder)):
        print(hint, file=sys.stderr)
    return study, spec


def storage_of(name: str) -> str:
    """The address of the storage in which a command finds a study.

    Raises:
        UserError: there is none of that name.
    """
    return find_storage(name, runs_folder(), is_ours)[0].url


def where_the_runs_are(settings: Mapping[str, Any], folder: Path) -> str:
    """Where the files of a study's runs are that another program has copied, or given another name;
    empty where they are in its folder, or nowhere.

    Args:
        settings: the user attributes of the study.
        folder: of the study, by the name that it has now.
    """
    former = folder.parent / Spec.of(settings).name
    if former == folder or folder.exists() or not former.is_dir():
        return ""
    return (
        f"The study {folder.name} was called {former.name}, and its runs lie there: "
        f"{shlex.join(['cp', '-r', str(former), str(folder)])}"
    )


def find_store(name: str | None) -> tuple[Store, Spec]:
    """As `find_study`, to be written.

    Raises:
        UserError: the storage cannot be written.
    """
    storage, found = find_storage(name, runs_folder(), is_ours, reading=False)
    store = Store(storage, found)
    return store, Spec.load(store.study, _folder(found, storage))


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
        find_storage(name, runs_folder(), is_ours)
    except NoStudy:
        return False
    return True


def _folder(name: str, storage: Storage) -> Path:
    """Where the runs of a study are: below the runs folder, or else beside the file in which it is
    kept, as where BETAFRONT_STORAGE names that of an archive."""
    own, file = runs_folder() / name, sqlite_path(looked_up(storage.url))
    if file is None or own.is_dir():
        return own
    beside = file.absolute().parent / name
    return beside if beside.is_dir() else own
