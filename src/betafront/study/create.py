"""Making a study in the storage, or going on with it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from betafront.errors import UserError
from betafront.study.plan import Plan, as_begun
from betafront.study.spec import SPEC, Spec
from betafront.study.storage.opening import Storage, load_study, study_names
from betafront.study.storage.study_store import Store
from betafront.study.trials.status import IMPORTED, Status, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def make_or_resume(storage: Storage, spec: Spec, out: Console) -> Store:
    """The study in the storage, made if it is new, with the budget and command of this call.

    Raises:
        UserError: it exists for something else, or its folder has runs of another study.
    """
    store = Store(storage, spec.name) if spec.name in study_names(storage) else None
    # Without a specification or trials it is one whose maker was killed on the way.
    if store is not None and (SPEC in store.settings() or store.trials()):
        old = Spec.load(store.study)
        spec.refuse_if_changed(old)
        say_what_changed(spec, old, out)
        queue = [*old.queue, *(p for p in spec.queue if p not in old.queue)]
        replace(spec, reference=old.reference, queue=queue).store(store)
        return store
    check_folder(Path(spec.folder))
    make(storage, spec)
    return Store(storage, spec.name)


def going_on(plan: Plan, storage: Storage) -> Plan:
    """The plan as the study of its name in the storage was begun, if there is one."""
    if plan.spec.name not in study_names(storage):
        return plan
    settings = Store(storage, plan.spec.name).settings()
    return as_begun(plan, Spec.of(settings).base) if SPEC in settings else plan


def say_what_changed(spec: Spec, old: Spec, out: Console) -> None:
    """Name each part of the budget that is not what it was."""
    for name, before, now in (
        ("budget", old.trials, spec.trials),
        ("replicates", old.replicates, spec.replicates),
    ):
        if now == before:
            continue
        less = "; what is done beyond it is kept" if now < before else ""
        unit = " trials" if name == "budget" else ""
        verb = "was" if name == "budget" else "were"
        out.print(f"The {name} of {spec.name} {verb} {before}{unit}, now {now}{less}.")


def check_folder(folder: Path) -> None:
    """Refuse a folder with runs of a study that is not in the storage, or that cannot be made."""
    if folder.is_dir() and any(folder.glob("trial-*")):
        raise UserError(
            f"{folder} holds runs of a study that is not in the storage: move them away, or choose "
            "another name with study.name=…"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error


def make(storage: Storage, spec: Spec) -> None:
    """Make a study; where another process makes it at the same moment, one of them does."""
    import warnings

    import optuna
    from optuna.study import StudyDirection

    study = optuna.create_study(
        study_name=spec.name,
        storage=storage.writes,
        directions=[StudyDirection[d.upper()] for d in spec.objectives.values()],
        load_if_exists=True,
    )
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(list(spec.objectives))
    spec.store(Store(storage, spec.name))


def trials_of(storage: Storage, spec: Spec, source: str) -> "list[FrozenTrial]":
    """The finished trials of another study, for the sampler to learn from.

    Raises:
        UserError: there is no such study, or its space or objectives are others.
    """
    other = load_study(storage, source)
    theirs = Spec.load(other)
    if theirs.space_digest != spec.space_digest or theirs.objectives != spec.objectives:
        raise UserError(
            f"study.import_from={source}: that study has another space or other objectives, and "
            "its trials mean nothing here"
        )
    return [t for t in other.get_trials(deepcopy=False) if status(t) is Status.COMPLETE]


def import_trials(store: Store, trials: "Sequence[FrozenTrial]", source: str) -> int:
    """Copy what another study found.

    Imported trials were trained under other settings, or the study would be the same one and a
    larger budget would go on with it: so they count against no budget and stand in no table.

    Returns:
        how many are new.
    """
    from optuna import create_trial

    had = (t.user_attrs.get(IMPORTED, {}) for t in store.trials())
    have = {one["number"] for one in had if one.get("study") == source}
    fresh = [t for t in trials if t.number not in have]
    for trial in fresh:
        copy = create_trial(
            values=trial.values,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={IMPORTED: {"study": source, "number": trial.number}},
        )
        store.make(copy)
    return len(fresh)
