"""Who may train which trial: a queue that is read off the trials, and a budget met exactly.

The claim rule: make a trial, then keep it only if fewer than N trials with lower numbers count. A
trial counts unless its worker was lost or it was given back; once it does not count it never counts
again, and numbers only grow. So the highest trial that was kept had fewer than N counting below it,
and there are never more than N; and a worker leaves only when N have finished, so there are never
fewer. It needs no counter and no lock beyond the storage's own. A new trial reckons a lost one that
nobody has tried again yet as one that counts, so that it does not take its place.

The queue needs no lock either. What is to be done next (a lost trial again, a point that was asked
for, more replicates of a finished trial) follows from the trials there are; of two workers that
take up the same thing, the one with the lower number keeps it.
"""

import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from betafront.study.search.drawing import Drawing, Point, digest
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.storage.study_store import Store, is_away
from betafront.study.trials.lease import LEASE, Doubts, Worker, is_lost
from betafront.study.trials.tally import Tally

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ORIGIN = "origin"
REASON = "reason"
RELEASED = "released"
IMPORTED = "imported"
AGAIN = "again"
RECORD = "record"
OVER_BUDGET = "given back: the budget was full"
TAKEN = "given back: another worker had it"
GIVEN_BACK = {OVER_BUDGET, TAKEN}
STALE = "stale: its worker was lost"


@dataclass(frozen=True)
class Origin:
    """Why a trial was made.

    Attributes:
        first: the number of the first attempt at the same run, from which its seed comes.
        before: the number of the attempt before this one, which was lost.
        retry: how many attempts were lost.
        point: its place in the queue of points that were asked for.
        tops: the number of the finished trial that it adds replicates to.
        replicates: up to how many.
    """

    first: int | None = None
    before: int | None = None
    retry: int = 0
    point: int | None = None
    tops: int | None = None
    replicates: int | None = None

    def written(self) -> dict[str, Any]:
        """As it is kept on the trial."""
        return {k: v for k, v in asdict(self).items() if v is not None and (k, v) != ("retry", 0)}


DRAWN = Origin()


def notable(trials: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
    """Those that are more than a draw that is complete. What goes on and what led to what is read
    off these alone, so that a claim does not become slow in a study of thousands."""
    return [t for t in trials if is_notable(t)]


def is_notable(trial: "FrozenTrial") -> bool:
    """Whether a trial is more than a draw that is complete."""
    return trial.state is not TrialState.COMPLETE or ORIGIN in trial.user_attrs


def origin(trial: "FrozenTrial") -> Origin:
    """Why a trial was made."""
    written = trial.user_attrs.get(ORIGIN)
    return Origin(**written) if written else DRAWN


def first(trial: "FrozenTrial") -> int:
    """The number of the trial that this one is an attempt at: its own, or the first one's that was
    lost. The seed comes from it, so that every attempt is the same run."""
    found = origin(trial).first
    return trial.number if found is None else found


def is_failed(trial: "FrozenTrial") -> bool:
    """Whether a trial ended without a result."""
    return trial.state is TrialState.FAIL


def is_given_back(trial: "FrozenTrial") -> bool:
    """Whether a trial ended before it began."""
    return is_failed(trial) and trial.user_attrs.get(REASON) in GIVEN_BACK


def is_gone(trial: "FrozenTrial") -> bool:
    """Whether a trial was lost or let go of by its worker: it failed without a reason, and is to be
    tried again."""
    return is_failed(trial) and REASON not in trial.user_attrs


def counts(trial: "FrozenTrial") -> bool:
    """Whether a trial takes up budget: all do but those given back, lost, or imported, and those
    that only add replicates to another."""
    attrs = trial.user_attrs
    if IMPORTED in attrs or (ORIGIN in attrs and origin(trial).tops is not None):
        return False
    return not is_failed(trial) or (REASON in attrs and attrs[REASON] not in GIVEN_BACK)


def finished(trials: "Sequence[FrozenTrial]") -> int:
    """How many trials are finished and count against the budget."""
    return sum(t.state.is_finished() and counts(t) for t in trials)


def reason(trial: "FrozenTrial") -> str:
    """Why a trial failed."""
    return str(trial.user_attrs.get(REASON, STALE))


def kind(trial: "FrozenTrial") -> str:
    """The kind of a failure: failed, diverged, timed out, out of memory or stale."""
    return reason(trial).partition(":")[0]


def outline(trial: "FrozenTrial") -> str:
    """Why a trial failed, but for the numbers: the same for what fails in the same way."""
    return re.sub(r"\d+", "#", reason(trial))


@dataclass(frozen=True)
class Work:
    """Something to be done.

    Attributes:
        origin: why.
        given: its parameters, or some of them; the rest are drawn.
    """

    origin: Origin
    given: Mapping[str, Any]


def lost_work(trials: "Sequence[FrozenTrial]", room: bool) -> Work | None:
    """The first lost trial that nobody has taken up again.

    Args:
        trials: of the study.
        room: whether the budget has room for one more; adding replicates takes none.
    """
    trials = notable(trials)
    successors = {origin(t).before for t in trials if not is_given_back(t)}
    for trial in filter(is_gone, trials):
        why = origin(trial)
        if trial.number not in successors and (room or why.tops is not None):
            again = Origin(
                first=first(trial),
                before=trial.number,
                retry=why.retry + (RELEASED not in trial.user_attrs),
                point=why.point,
                tops=why.tops,
                replicates=why.replicates,
            )
            return Work(again, trial.params)
    return None


def queued_work(spec: Spec, trials: "Sequence[FrozenTrial]") -> Work | None:
    """The first point that was asked for and that no trial has."""
    taken = {origin(t).point for t in notable(trials) if counts(t)} if spec.queue else set()
    for place, params in enumerate(spec.queue):
        if place not in taken:
            return Work(Origin(point=place), params)
    return None


def replicate_work(spec: Spec, trials: "Sequence[FrozenTrial]") -> Work | None:
    """The first finished trial with fewer replicates than the study asks for now."""
    if spec.replicates == 1:  # every finished trial has one
        return None
    adding = (t for t in notable(trials) if not is_given_back(t) and not is_gone(t))
    topped = {origin(t).tops: origin(t).replicates or 0 for t in adding}
    for trial in trials:
        if trial.state.name != "COMPLETE" or not counts(trial):
            continue
        if max(replicates(trial), topped.get(trial.number, 0)) < spec.replicates:
            why = Origin(first=first(trial), tops=trial.number, replicates=spec.replicates)
            return Work(why, trial.params)
    return None


def replicates(trial: "FrozenTrial") -> int:
    """How many replicates a finished trial has."""
    return len(trial.user_attrs.get(RECORD, {}).get("replicates", [1]))


def is_met(spec: Spec, trials: "Sequence[FrozenTrial]") -> bool:
    """Whether nothing is left to do, now or after another worker is lost."""
    if finished(trials) < spec.trials or replicate_work(spec, trials):
        return False
    going = notable(trials)
    adding = any(t.state.name == "RUNNING" and origin(t).tops is not None for t in going)
    return not adding and lost_work(trials, room=False) is None


def reap(store: Store, spec: Spec, trials: "Sequence[FrozenTrial]") -> bool:
    """Fail the trials whose worker was lost; those that were lost too often fail for good.

    Returns:
        Whether any was; then `trials` are out of date.
    """
    lost = [t for t in trials if is_lost(t, time.time())]
    for trial in lost:
        attempts = origin(trial).retry + 1
        for_good = attempts > spec.retries
        words = f"stale: its worker was lost {attempts} times in a row (killed, perhaps for memory)"
        end_failed(store, trial, words if for_good else None)
    return bool(lost)


def end_failed(store: Store, trial: "FrozenTrial", why: str | None) -> bool:
    """End a trial without a result; without a reason it is tried again.

    Returns:
        Whether it was still to be ended.
    """
    new = why is not None and REASON not in trial.user_attrs
    return _end(store, trial, {REASON: why} if new else {})


def release(store: Store, trial: "FrozenTrial") -> bool:
    """Let go of a trial that another worker shall go on with; it does not count as an attempt.

    Returns:
        Whether it was still held.
    """
    return _end(store, trial, {RELEASED: True})


def _end(store: Store, trial: "FrozenTrial", notes: Mapping[str, Any]) -> bool:
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        store.end(trial.number, TrialState.FAIL, notes=notes)
    except UpdateFinishedTrialError:
        return False
    return True


def keeps(trial: "FrozenTrial", spec: Spec, tally: Tally) -> str | None:
    """Why a worker may not keep the trial that it made; None if it may."""
    if is_taken(trial, tally):
        return TAKEN
    why = origin(trial)
    if why.tops is None:
        waiting = untried(lower(trial, tally)) if why.before is None else 0
        if tally.below(trial.number) + waiting >= spec.trials:
            return OVER_BUDGET
    return None


def lower(trial: "FrozenTrial", tally: Tally) -> "list[FrozenTrial]":
    """The notable trials with lower numbers."""
    return [t for t in tally.few if t.number < trial.number]


def untried(trials: "Sequence[FrozenTrial]") -> int:
    """How many lost trials have no attempt after them yet. Their place in the budget is kept: else
    a new trial, made before they were found lost, would take it, and nobody tried them again."""
    others = [t for t in notable(trials) if not is_given_back(t)]
    after = {origin(t).before for t in others}
    lost = (t for t in others if is_gone(t) and t.number not in after)
    return sum(origin(t).tops is None for t in lost)


def is_taken(trial: "FrozenTrial", tally: Tally) -> bool:
    """Whether a trial with a lower number is for the same thing."""
    why = origin(trial)
    others = [t for t in lower(trial, tally) if not is_given_back(t)]
    if why.before is not None:
        return any(origin(t).before == why.before for t in others)
    if why.tops is not None:
        adding = [origin(t) for t in others if not is_gone(t)]
        return any(
            o.tops == why.tops and (o.replicates or 0) >= (why.replicates or 0) for o in adding
        )
    if why.point is not None:
        return any(origin(t).point == why.point for t in others if counts(t))
    if trial.user_attrs.get(AGAIN):
        return False
    first_there = tally.first(digest(trial.params))
    return first_there is not None and first_there < trial.number


Stop = Callable[[Mapping[str, Any], Spec, "Sequence[FrozenTrial]"], str | None]


class Ledger:
    """The claims of one worker.

    Args:
        store: of the study.
        space: of the study.
        worker: who claims.
        number: of the worker, which sets its draws apart.
        stop: why no more trials shall be begun, or None, from what is kept of the study and its
            trials; asked before each claim.
    """

    def __init__(
        self,
        store: Store,
        space: Space,
        worker: Worker,
        number: int,
        stop: "Stop" = lambda settings, spec, trials: None,
    ) -> None:
        self.store = store
        self.space = space
        self.worker = worker
        self.number = number
        self.stop = stop
        self._drawing: Drawing | None = None
        self._tally = Tally(counts, is_notable)
        self._doubts = Doubts()

    def claim(self) -> "tuple[FrozenTrial, Spec] | None":
        """A trial for this worker to train, with the study as it stands; None once the budget is
        met or the study is to stop.

        Waits while others train the last trials, since one of them may be lost.
        """
        while True:
            settings = self.store.settings()
            spec = Spec.of(settings)
            self._tally.look(self.store.trials())
            trials, few = self._tally.trials, self._tally.few
            if reap(self.store, spec, self._doubts.leave_out(few)) or self._let_go(few):
                continue
            mine = [t for t in few if self.worker.holds(t)]
            for trial in mine:
                why = keeps(trial, spec, self._tally)
                if why is None:
                    return trial, spec
                end_failed(self.store, trial, why)
            if mine:
                continue
            full = self._tally.finished >= spec.trials
            if (full and is_met(spec, trials)) or self.stop(settings, spec, trials):
                return None
            work = self._next(spec, self._tally)
            if work is None:
                time.sleep(random.uniform(0.5, 1.0))
                continue
            self._make(work, spec, self._tally)

    def _let_go(self, trials: "Sequence[FrozenTrial]") -> bool:
        """Release what an earlier worker of this process left behind: the process lives, and nobody
        else would find it lost."""
        left = [t for t in trials if self.worker.left(t)]
        for trial in left:
            release(self.store, trial)
        return bool(left)

    def _next(self, spec: Spec, tally: Tally) -> Work | None:
        room = tally.counting < spec.trials
        if work := lost_work(tally.few, room):
            return work
        if room:
            return queued_work(spec, tally.few) or Work(Origin(), {})
        return replicate_work(spec, tally.trials)

    def _make(self, work: Work, spec: Spec, tally: Tally) -> None:
        from optuna import create_trial

        point = self._point(work, spec, tally)
        attrs: dict[str, Any] = {LEASE: self.worker.lease()}
        if why := work.origin.written():
            attrs[ORIGIN] = why
        elif digest(point.params) in tally:
            attrs[AGAIN] = True  # a finite space of which nothing is left
        made = create_trial(
            state=TrialState.RUNNING,
            params=point.params,
            distributions={k: self.space.distributions[k] for k in point.params},
            user_attrs=attrs,
            system_attrs=dict(point.system_attrs),
        )
        made.datetime_start = datetime.now()
        try:
            self.store.make(made)
        except Exception as error:
            if not is_away(error):
                raise  # else it was made or it was not: the next look at the trials knows

    def _point(self, work: Work, spec: Spec, tally: Tally) -> Point:
        if self.space.is_whole(work.given):
            return Point(dict(work.given), {})
        if self._drawing is None:
            self._drawing = Drawing(
                self.space, spec.base, spec.objectives.values(), spec.sampler, spec.seed,
                self.number,
            )  # fmt: skip
        self._drawing.learn(tally.trials)
        return self._drawing.draw(tally.counting, tally, work.given)
