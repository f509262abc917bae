"""`study.import_from`: a study that begins with the trials of another one.

A trial of the other study whose point lies within the new space stands for a trial of the new one.
Where the settings of both are equal it is taken over as it is, with the files of its runs, and
nothing is trained. Where they differ only in that the new study trains for more steps, its runs go
on from their last weights, if a longer run may; else they are trained from the start with the same
seeds.

What is to be taken over is written into the new study (`Spec.imports`) before its workers begin.
They claim these trials as they claim any other (`betafront.study.trials.ledger`): so each is taken
over once, also where the sweep is killed in between, and each counts against the budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.addresses import runs_folder
from betafront.config.build import build
from betafront.errors import UserError
from betafront.study.imports.found import Imports, lines
from betafront.study.plan import Plan
from betafront.study.results.table import complete
from betafront.study.search.drawing import digest
from betafront.study.search.space import Space
from betafront.study.spec import SPEC, STEPS, Spec
from betafront.study.storage.opening import NoStudy, Storage, find, load_study, study_names
from betafront.study.storage.study_store import Store
from betafront.study.trials.origin import (
    RESULTS,
    SEEDS,
    WEIGHTS,
    Origin,
    Source,
    first_attempt,
    origin,
)
from betafront.study.trials.ours import IMPORTED
from betafront.study.trials.replicates import every_run
from betafront.study.trials.status import Status, status
from betafront.training.folder import RunFolder
from betafront.training.longer import reason_against

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

NO_STATE = "the state after their last step was not kept"

Identity = tuple[str, int, int]
"""Of a trial's runs: the digest of the point, and the two numbers of which their seeds are made."""


@dataclass(frozen=True)
class Before:
    """The study that is about to be made or resumed, as the storage has it.

    Attributes:
        counting: how many of its trials count against the budget.
        had: the trials that it has, or has begun to take over.
        imports: what it takes over already.
        taught: the studies whose trials an earlier version has copied, for the sampler alone.
    """

    counting: int = 0
    had: frozenset[Identity] = frozenset()
    imports: Sequence[Mapping[str, Any]] = ()
    taught: frozenset[str] = frozenset()

    @property
    def studies(self) -> set[str]:
        """The studies of which it takes over trials."""
        return {one["origin"]["source"]["study"] for one in self.imports}


def with_imports(plan: Plan, storage: Storage | None) -> tuple[Plan, list[str]]:
    """The plan with the trials that its study takes over from `study.import_from`, and lines that
    say which.

    Args:
        plan: checked.
        storage: of the study; None where there is none yet.

    Raises:
        UserError: there is no such study, or its runs answer something else.
    """
    if plan.base.study.import_from is None:
        return plan, []
    source = str(plan.base.study.import_from)  # a study may be called 12
    before = as_it_stands(storage, plan.spec)
    if source in before.taught:
        return plan, []
    try:
        other = other_study(source, plan.spec.name, storage)
    except NoStudy as error:
        if source in before.studies:
            return plan, []  # it was taken over, and may have been deleted since
        raise UserError(f"study.import_from={source}: {error}") from error
    found = imports(plan, other, before)
    again = not found.works and found.study in before.studies
    said = [] if again else lines(found, plan.spec, before.counting)
    return replace(plan, spec=replace(plan.spec, imports=found.works)), said


def as_it_stands(storage: Storage | None, spec: Spec) -> Before:
    """The study that `spec` names, as far as it is there already."""
    if storage is None or spec.name not in study_names(storage):
        return Before()
    store = Store(storage, spec.name)
    settings, trials = store.settings(), store.trials()
    if SPEC not in settings:
        return Before()
    old, counting = Spec.of(settings), [t for t in trials if status(t).counts]
    begun = [(one["params"], Origin.read(one["origin"])) for one in old.imports]
    had = {identity(t.params, origin(t), old.seed, first_attempt(t)) for t in counting}
    had |= {identity(params, why, old.seed, why.first or 0) for params, why in begun}
    taught = {t.user_attrs[IMPORTED]["study"] for t in trials if status(t) is Status.IMPORTED}
    return Before(len(counting), frozenset(had), old.imports, frozenset(taught))


def identity(params: Mapping[str, Any], why: Origin, seed: int, first: int) -> Identity:
    """What makes the runs of a trial those runs.

    Args:
        params: of the trial.
        why: its origin.
        seed: of its study.
        first: the number of the first attempt at it.
    """
    return digest(params), seed if why.seed is None else why.seed, first


def other_study(source: str, own: str, storage: Storage | None) -> "Study":
    """The study called `source`: in the storage of the new one, or where a command finds it.

    Raises:
        UserError: there is none, or it is the new one itself.
    """
    if source == own:
        raise UserError(
            f"study.import_from={source} is the study itself: give the new one a name of its own "
            "with study.name=…"
        )
    if storage is not None and source in study_names(storage):
        return load_study(storage, source)
    return find(source, runs_folder())


def imports(plan: Plan, other: "Study", before: Before) -> Imports:
    """What the study of a plan takes over from another one.

    Raises:
        UserError: the runs of the other study answer something else.
    """
    spec = plan.spec
    folder = Path(spec.folder).parent / other.study_name
    theirs = Spec.load(other, folder)
    longer = refuse_other_runs(spec, theirs)
    found = Imports(other.study_name, theirs.base.get(STEPS) or 0)
    trials = other.get_trials(deepcopy=False)
    points = {digest(one["params"]) for one in before.imports}
    for trial in complete(trials):
        point = point_of(trial, plan.space, spec.base)
        if point is None:
            found.outside += 1
            continue
        first, seed = first_attempt(trial), origin(trial).seed
        why = Origin(first=first, seed=theirs.seed if seed is None else seed)
        # A grid has one trial at each of its points.
        once = spec.sampler == "grid" and digest(point) in points
        if once or identity(point, why, spec.seed, first) in before.had:
            continue
        points.add(digest(point))
        runs = tuple(run.folder for run in every_run(trial, trials))
        if longer:
            takes = weights_or_seeds(plan, point, folder, runs, found)
        elif all(RunFolder(folder / run).has_result for run in runs):
            takes = RESULTS
        else:
            found.without_files += 1
            continue
        found.add(point, why, Source(other.study_name, trial.number, found.steps, takes, runs))
    return found


def refuse_other_runs(spec: Spec, theirs: Spec) -> bool:
    """Refuse a study whose runs answer something else than those of the new one.

    Returns:
        whether the new study differs in that it trains for more steps.

    Raises:
        UserError: naming what differs.
    """
    then, now = (s.base.get(STEPS) for s in (theirs, spec))
    longer = then is not None and now is not None and then < now
    if change := spec.other_runs(theirs, but=(STEPS,) if longer else ()):
        raise UserError(
            f"study.import_from={theirs.name}: that study has {change}, so its runs are no runs of "
            "this one: only the space, the budget and a larger trainer.steps may differ"
        )
    return longer


def point_of(
    trial: "FrozenTrial", space: Space, settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The point of a trial of another study as this space has it; None where it lies outside."""
    try:
        point = space.check_point(trial.params, settings)
    except UserError:
        return None
    return point if space.is_whole(point) else None


def weights_or_seeds(
    plan: Plan, point: Mapping[str, Any], folder: Path, runs: Sequence[str], found: Imports
) -> str:
    """Whether longer runs at a point go on from the last weights of shorter ones.

    Args:
        plan: of the longer study.
        point: of the trial.
        folder: of the shorter study.
        runs: the folders of the trial's runs below it.
        found: where the reason is counted, if they do not.
    """
    reason = ""
    if not all(RunFolder(folder / run).last.is_file() for run in runs):
        reason = NO_STATE
    else:
        reason = reason_against(build(plan.composer(plan.space.overrides(point))))
    if reason:
        found.reasons[reason] += 1
    return SEEDS if reason else WEIGHTS
