"""Making a study in the storage, or going on with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from betafront.errors import UserError
from betafront.study.lookup import where_the_runs_are
from betafront.study.plan import Plan, as_begun
from betafront.study.spec import IDENTITY, SPEC, Spec
from betafront.study.storage.opening import Storage, study_names
from betafront.study.storage.study_store import Store
from betafront.study.trials.steps import in_words

TAKEN = {
    "train": "the folder of single runs",
    "mlartifacts": "the folder of MLflow's files",
    "mlflow.db": "the database of MLflow",
    "studies.db": "the database of the studies",
}
"""What lies beside the folders of the studies."""


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
        if hint := where_the_runs_are(store.settings(), Path(spec.folder)):
            out.print(hint, style="yellow", markup=False, soft_wrap=True)
        say_what_changed(spec, old, out)
        imports = [*old.imports, *spec.imports]
        new = [p for p in not_imported(spec.queue, imports) if p not in old.queue]
        now = replace(
            spec,
            as_forecast=old.as_forecast,
            reference=old.reference,
            queue=[*old.queue, *new],
            imports=imports,
        )
        give_identity(store)
        now.store(store)
        return store
    check_new_name(spec.name)
    check_folder(Path(spec.folder))
    make(storage, replace(spec, queue=not_imported(spec.queue, spec.imports)))
    return Store(storage, spec.name)


def not_imported(
    queue: Sequence[dict[str, Any]], imports: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The points of a queue at which no trial of another study is taken over."""
    had = [one["params"] for one in imports]
    return [point for point in queue if point not in had]


def going_on(plan: Plan, storage: Storage) -> Plan:
    """The plan as the study of its name in the storage was begun, if there is one."""
    if plan.spec.name not in study_names(storage):
        return plan
    settings = Store(storage, plan.spec.name).settings()
    return as_begun(plan, Spec.of(settings).base) if SPEC in settings else plan


def say_what_changed(spec: Spec, old: Spec, out: Console) -> None:
    """Name each part of the budget that is not what it was, and the lease of its workers."""
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
    if spec.steps != old.steps:
        limits = in_words(old.steps), in_words(spec.steps)
        out.print(f"The budget of steps of {spec.name} was {limits[0]}, now {limits[1]}.")
    if spec.stack != old.stack:
        out.print(f"The stacks of {spec.name} were of {old.stack}, now {spec.stack}.")
    if spec.pruner != old.pruner:
        out.print(f"The pruner of {spec.name} was {old.pruner}, now {spec.pruner}.")
    if spec.lease != old.lease:
        out.print(f"The lease of {spec.name} was {old.lease:g} s, now {spec.lease:g} s.")


def check_new_name(name: str) -> None:
    """Refuse a name for a new study whose folder is one that betafront uses for something else. A
    study that an earlier version has made so goes on.

    Raises:
        UserError: it is such a name.
    """
    if what := TAKEN.get(name.casefold()):  # some file systems do not tell case apart
        raise UserError(
            f"study.name={name}: {what} of that name lies in the runs folder: choose another name"
        )


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
    """Make a study; where another process makes it at the same moment, one of them does.

    Raises:
        UserError: another program has made one of that name for something else.
    """
    import warnings

    import optuna
    from optuna.study import StudyDirection

    directions = [StudyDirection[d.upper()] for d in spec.objectives.values()]
    study = optuna.create_study(
        study_name=spec.name, storage=storage.writes, directions=directions, load_if_exists=True
    )
    if study.directions != directions:
        raise UserError(
            f"the study '{spec.name}' in the storage is another program's, with "
            f"{len(study.directions)} objectives of its own: choose another name with study.name=…"
        )
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(list(spec.objectives))
    store = Store(storage, spec.name)
    give_identity(store)
    spec.store(store)


def give_identity(store: Store) -> None:
    """Draw what tells the study apart from others of its name, unless it has that."""
    if IDENTITY not in store.settings():
        store.set(IDENTITY, uuid4().hex)
