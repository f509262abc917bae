"""What is to be done next in a study: read off its trials, without a queue of its own in the
storage.

In this order: the work of a lost trial again, a trial that another program has put into Optuna's
queue, a trial to be taken from another study, a point that was asked for, a new draw, and, once the
budget is full, more replicates of a complete trial.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from betafront.study.search.drawing import digest
from betafront.study.spec import Spec
from betafront.study.trials.origin import Origin, first_attempt, origin
from betafront.study.trials.ours import ORIGIN
from betafront.study.trials.replicates import number_of_runs
from betafront.study.trials.status import RELEASED, Status, finished, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from betafront.study.trials.tally import Tally


FIXED = "fixed_params"
"""Optuna's system attribute of a trial in its queue (`Study.enqueue_trial`)."""

Suits = Callable[[Mapping[str, Any]], bool]
"""Whether a point, or a part of one, is what is looked for."""


def anything(given: Mapping[str, Any]) -> bool:
    """Where every point is."""
    return True


@dataclass(frozen=True)
class Work:
    """Something to be done by a new trial, or by one that waits in Optuna's queue.

    Attributes:
        origin: why.
        given: the trial's parameters, or some of them; the rest are drawn.
        waiting: the trial that waits to do it; None for a new one.
    """

    origin: Origin
    given: Mapping[str, Any]
    waiting: "FrozenTrial | None" = None


def is_plain(trial: "FrozenTrial") -> bool:
    """Whether a trial is a draw that is complete, or was pruned. No other trial does
    the same work, and it needs nothing but perhaps replicates: most trials of a large study are
    plain, and a claim need not look at them."""
    return trial.state.name in ("COMPLETE", "PRUNED") and ORIGIN not in trial.user_attrs


def not_plain(trials: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
    """The trials without the plain ones."""
    return [t for t in trials if not is_plain(t)]


def lost_work(trials: "Iterable[FrozenTrial]", room: bool) -> Work | None:
    """The work of the first lost trial that no other trial has taken up; that of runs that confirm
    the decision is left out (`confirming_work`).

    Args:
        trials: of the study; the plain ones may be left out.
        room: whether the budget has room for another trial. Adding replicates needs none.
    """
    for trial in not_taken_up(trials):
        why = origin(trial)
        if why.confirms is None and (room or why.adds_to is not None):
            return work_again(trial)
    return None


def work_again(trial: "FrozenTrial") -> Work:
    """The work of a lost trial, to be done again."""
    why = origin(trial)
    again = replace(
        why,
        first=first_attempt(trial),
        before=trial.number,
        retry=why.retry + (RELEASED not in trial.user_attrs),
    )
    return Work(again, trial.params)


def not_taken_up(trials: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
    """The lost trials whose work no other trial has taken up, in the order of `trials`."""
    others = [t for t in not_plain(trials) if status(t).works]
    taken_up = {origin(t).before for t in others}
    return [t for t in others if status(t).again and t.number not in taken_up]


def waiting_work(spec: Spec, tally: "Tally") -> Work | None:
    """The first trial in Optuna's queue that the budget has room for.

    Args:
        spec: of the study.
        tally: of its trials.
    """
    trial = next((t for t in tally.waiting if tally.held_below(t.number) < spec.trials), None)
    return None if trial is None else Work(Origin(), asked_for(trial), trial)


def asked_for(trial: "FrozenTrial") -> dict[str, Any]:
    """The parameters with which another program has put a trial into Optuna's queue."""
    fixed = trial.system_attrs.get(FIXED, {})
    return {**trial.params, **(fixed if isinstance(fixed, Mapping) else {})}


def place_in_queue(
    point: Mapping[str, Any], spec: Spec, trials: "Iterable[FrozenTrial]"
) -> int | None:
    """The place of a point in the study's own queue, as that of a grid, if no trial has it yet:
    what another program asks for is not to be trained a second time.

    Args:
        point: as the space has it.
        spec: of the study.
        trials: of the study; the plain ones may be left out.
    """
    had = {origin(t).point for t in not_plain(trials) if status(t).counts}
    wanted = digest(point)
    places = (n for n, queued in enumerate(spec.queue) if digest(queued) == wanted)
    return next((n for n in places if n not in had), None)


def imported_work(spec: Spec, trials: "Iterable[FrozenTrial]") -> Work | None:
    """The first trial of another study that is to be taken over and that no trial stands for.

    Args:
        spec: of the study.
        trials: of the study; the plain ones may be left out.
    """
    if not spec.imports:
        return None
    had = {origin(t).source for t in not_plain(trials) if status(t).counts}
    for kept in spec.imports:
        why = Origin.read(kept["origin"])
        if why.source is not None and why.source not in had:
            runs = max(len(why.source.runs), spec.replicates)
            return Work(replace(why, replicates=runs), kept["params"])
    return None


def queued_work(
    spec: Spec, trials: "Iterable[FrozenTrial]", suits: Suits = anything
) -> Work | None:
    """The first point that was asked for and that no trial has; one that suits before the others.

    Args:
        spec: of the study.
        trials: of the study; the plain ones may be left out.
        suits: what is looked for.
    """
    if not spec.queue:
        return None
    had = {origin(t).point for t in not_plain(trials) if status(t).counts}
    left = [place for place in range(len(spec.queue)) if place not in had]
    suiting = (place for place in left if suits(spec.queue[place]))
    place = next(suiting, left[0] if left else None)
    return None if place is None else Work(Origin(point=place), spec.queue[place])


def replicate_work(spec: Spec, trials: "Iterable[FrozenTrial]") -> Work | None:
    """More replicates of the first complete trial with fewer than the study asks for now.

    Args:
        spec: of the study.
        trials: all of the study.
    """
    if spec.replicates == 1:  # every complete trial has a run
        return None
    trials = list(trials)
    coming: dict[int | None, int] = {}  # by the number of the complete trial
    for trial in not_plain(trials):
        if status(trial).works and not status(trial).again:
            coming[origin(trial).adds_to] = origin(trial).replicates or 0
    for trial in trials:
        if status(trial) is not Status.COMPLETE:
            continue
        if max(number_of_runs(trial), coming.get(trial.number, 0)) < spec.replicates:
            why = Origin(
                first=first_attempt(trial),
                adds_to=trial.number,
                replicates=spec.replicates,
                seed=origin(trial).seed,
            )
            return Work(why, trial.params)
    return None


def is_met(spec: Spec, trials: "Sequence[FrozenTrial]") -> bool:
    """Whether the study has no more work, now or after another worker is lost."""
    if finished(trials) < spec.trials or replicate_work(spec, trials):
        return False
    adding = any(status(t) is Status.ADDING for t in not_plain(trials))
    return not adding and lost_work(trials, room=False) is None
