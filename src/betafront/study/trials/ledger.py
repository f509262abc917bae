"""Who may train which trial: claims, so that a budget is met exactly.

The claim rule, for a budget of N trials:

- A worker first makes a trial in the storage, which gives out the numbers 0, 1, 2, … one at a time.
  Then it reads all trials, and keeps its trial only if fewer than N trials with lower numbers count
  against the budget. Otherwise it gives the trial back.
- A trial counts from the moment at which it is made (`Status.counts`) until it is given back or
  ended as lost. A trial that does not count never counts again.
- A worker leaves only when N trials have ended and count, and nothing else is to be done.

There are never more than N. Take, at any later time, the highest number k of a trial that was kept
and counts. When it was kept, fewer than N trials below k counted; none of the others below k can
count since, and above k only trials count that will be given back. So at most N kept trials count.
There are never fewer than N, since no worker leaves before. The rule needs no counter, and no lock
but the one with which the storage gives out numbers.

A lost trial keeps its place until another trial has taken up its work: a worker that keeps a new
trial counts the lost trials below it that no trial has taken up as if they counted. Otherwise two
new trials, made before a third was found lost, could fill the budget, and the lost point would
never be trained.

The queue needs no lock either. What is to be done next follows from the trials
(`betafront.study.trials.queue`). Where two workers make a trial for the same work, the trial with
the lower number is kept and the other given back.

Other programs put trials into Optuna's queue. Such a trial counts from the moment at which it is
made, as any other, and a worker takes it, in one transaction, only if it may keep it by the same
rule. One that the budget has no room for waits on, above all trials that are kept. So a lost trial
below it is tried again as if it were not there: of the trials with lower numbers than that of the
new attempt, those that wait do not count.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from optuna.trial import TrialState

from betafront.errors import UserError, one_line
from betafront.study.search.drawing import Drawing, Point, digest
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.storage.study_store import Store, is_away
from betafront.study.trials.ending import end, end_failed, end_lost, release
from betafront.study.trials.lease import LEASE, ExpiredLeases, Worker
from betafront.study.trials.origin import Origin, origin
from betafront.study.trials.ours import ORIGIN
from betafront.study.trials.queue import (
    Work,
    imported_work,
    is_met,
    lost_work,
    place_in_queue,
    queued_work,
    replicate_work,
    waiting_work,
)
from betafront.study.trials.rungs import reached
from betafront.study.trials.status import OVER_BUDGET, REASON, REFUSED, TAKEN, Status, status
from betafront.study.trials.tally import Tally

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

REPEATS = "again"
"""The user attribute of a trial that may be at the point of another one: in a finite space of which
every point has a trial, and where another program asks for it."""

IDLE_SECONDS = (0.5, 1.0)  # between two looks, where others train the last trials

Stop = Callable[[Mapping[str, Any], Spec, "Sequence[FrozenTrial]"], str | None]


@contextmanager
def perhaps_written() -> Iterator[None]:
    """Goes on where the database went away during a write, or the trial was deleted: the next look
    at the trials shows what came of it."""
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        yield
    except UpdateFinishedTrialError:
        return
    except Exception as error:
        if not is_away(error):
            raise


class Claim(NamedTuple):
    """A trial that a worker may train.

    Attributes:
        trial: to be trained.
        spec: of the study, as it stood at the claim.
        trials: all of the study, as they stood at the claim.
    """

    trial: "FrozenTrial"
    spec: Spec
    trials: "Sequence[FrozenTrial]"


class Ledger:
    """The claims of one worker.

    Args:
        store: of the study.
        space: of the study.
        worker: who claims.
        number: of the worker, which sets its draws apart from those of other workers.
        stop: why no more trials shall be begun, or None, from the study's settings, its
            specification and its trials; asked before each new trial.
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
        self._tally = Tally()
        self._settings: Mapping[str, Any] = {}
        self._expired = ExpiredLeases()

    def claim(self) -> Claim | None:
        """A trial for this worker to train; None once the budget is met or the study is to stop.

        Waits while other workers train the last trials, since one of them may be lost. The study
        and its trials are read once before each decision.
        """
        tally = self._tally
        while True:
            self._settings = self.store.settings()
            spec = Spec.of(self._settings)
            tally.update(self.store.trials())
            if self._end_lost(spec) or self._release_left_behind():
                continue
            mine = [t for t in tally.not_plain if self.worker.holds(t)]
            for trial in mine:
                refusal = why_not(trial, spec, tally)
                if refusal is None:
                    return Claim(trial, spec, tally.trials)
                end_failed(self.store, trial, refusal)
            if mine:
                continue
            if self._is_met(spec, tally) or self.stop(self._settings, spec, tally.trials):
                return None
            work = self._next(spec, tally)
            if work is None:
                time.sleep(random.uniform(*IDLE_SECONDS))
            elif work.waiting is not None:
                self._take(work.waiting, work.given, spec, tally)
            else:
                self._make(work, spec, tally)

    def _end_lost(self, spec: Spec) -> bool:
        return end_lost(self.store, spec, self._expired.without_unconfirmed(self._tally.not_plain))

    def _release_left_behind(self) -> bool:
        """Release the trials that an earlier worker of this process left running. Since the process
        lives, no other worker would find them lost. Returns whether there were any."""
        left = [t for t in self._tally.not_plain if self.worker.has_left_behind(t)]
        for trial in left:
            release(self.store, trial)
        return bool(left)

    def _is_met(self, spec: Spec, tally: Tally) -> bool:
        """Whether nothing is left to be done, now or after another worker is lost."""
        return tally.finished >= spec.trials and is_met(spec, tally.trials)

    def _next(self, spec: Spec, tally: Tally) -> Work | None:
        """What a new trial is to do; None where nothing is to be done now."""
        begun = tally.counting - len(tally.waiting)
        work = lost_work(tally.not_plain, begun < spec.trials) or waiting_work(spec, tally)
        if work:
            return work
        if tally.counting < spec.trials:
            asked = imported_work(spec, tally.not_plain) or queued_work(spec, tally.not_plain)
            return asked or Work(Origin(), {})
        return replicate_work(spec, tally.trials)

    def _make(self, work: Work, spec: Spec, tally: Tally) -> None:
        """Make a trial for some work, held by this worker."""
        point = self._point(work, spec, tally)
        attrs: dict[str, Any] = {LEASE: self.worker.lease(seconds=spec.lease)}
        if why := work.origin.written():
            attrs[ORIGIN] = why
        elif digest(point.params) in tally:
            attrs[REPEATS] = True
        with perhaps_written():
            self.store.make(self._held(point, attrs))

    def _take(
        self, trial: "FrozenTrial", asked: Mapping[str, Any], spec: Spec, tally: Tally
    ) -> None:
        """Take a trial from Optuna's queue, to be held by this worker; refuse one that is no point
        of the space.

        Args:
            trial: that waits.
            asked: the parameters with which another program has put it there.
            spec: of the study.
            tally: of all trials.
        """
        if not tally.has_own_number(trial):  # since others were deleted from the storage
            self.store.renumber(trial.number)
            return
        lease = {LEASE: self.worker.lease(seconds=spec.lease)}
        try:
            given = self.space.check_point(asked, spec.base)
            place = place_in_queue(given, spec, tally.not_plain)
            point = self._point(Work(Origin(point=place), given), spec, tally)
        except UserError as error:
            reason = f"{REFUSED}: {one_line(error)}"
            end(self.store, trial, TrialState.FAIL, notes={**lease, REASON: reason})
            return
        why = Origin(point=place).written()
        held = self._held(point, {**lease, **({ORIGIN: why} if why else {REPEATS: True})})
        with perhaps_written():
            self.store.take(trial.number, held)

    def _held(self, point: Point, attrs: dict[str, Any]) -> "FrozenTrial":
        """A running trial at a point, with these user attributes."""
        from optuna import create_trial

        held = create_trial(
            state=TrialState.RUNNING,
            params=point.params,
            distributions={k: self.space.distributions[k] for k in point.params},
            user_attrs=attrs,
            system_attrs=dict(point.system_attrs),
        )
        held.datetime_start = datetime.now()
        return held

    def _point(self, work: Work, spec: Spec, tally: Tally) -> Point:
        """The given parameters, with those that are missing drawn. A run that confirms the decision
        has none of its own: they follow from the trial that was picked."""
        if work.origin.confirms is not None or self.space.is_whole(work.given):
            return Point(dict(work.given), {})
        if self._drawing is None:
            self._drawing = Drawing(
                self.space, spec.base, spec.objectives.values(), spec.sampler, spec.seed,
                self.number, lambda trial: reached(trial, spec.objectives),
            )  # fmt: skip
        # Runs that confirm the decision were not drawn, and have no parameters.
        known = (t for t in tally.trials if origin(t).confirms is None)
        self._drawing.learn(t for t in known if self._teaches(t))
        return self._drawing.draw(tally.counting, tally, work.given)

    def _teaches(self, trial: "FrozenTrial") -> bool:
        """Whether the sampler learns from a trial: any that is ours, and one that another program
        has told where it is a point of this space."""
        return status(trial) is not Status.FOREIGN or (
            trial.state.is_finished() and self.space.has(trial.params, trial.distributions)
        )


def why_not(trial: "FrozenTrial", spec: Spec, tally: Tally) -> str | None:
    """Why a worker may not keep the trial that it made; None if it may.

    Args:
        trial: that it made.
        spec: of the study.
        tally: of all trials, this one among them.
    """
    below = [t for t in tally.not_plain if t.number < trial.number]
    if is_taken(trial, below, tally):
        return TAKEN
    why = origin(trial)
    if why.adds_to is not None or why.confirms is not None:  # which take no budget
        return None
    # Lost trials keep their places against new trials, and those that wait theirs, but not against
    # the work of a lost trial, which had its place before.
    is_new = why.before is None
    held = tally.held_below(trial.number) if is_new else tally.begun_below(trial.number)
    return OVER_BUDGET if held >= spec.trials else None


def is_taken(trial: "FrozenTrial", below: "Sequence[FrozenTrial]", tally: Tally) -> bool:
    """Whether a trial with a lower number is for the same work.

    Args:
        trial: whose work is looked for.
        below: the trials with lower numbers, without plain ones.
        tally: of all trials.
    """
    why = origin(trial)
    others = [t for t in below if status(t).works]
    if why.before is not None:
        return any(origin(t).before == why.before for t in others)
    if why.adds_to is not None:
        same = [
            origin(t) for t in others if origin(t).adds_to == why.adds_to and not status(t).again
        ]
        return any((o.replicates or 0) >= (why.replicates or 0) for o in same)
    for key in ("confirms", "source", "point"):
        if (own := getattr(why, key)) is not None:
            return any(getattr(origin(t), key) == own for t in others if not status(t).again)
    if trial.user_attrs.get(REPEATS):
        return False
    first = tally.first_at(digest(trial.params))
    return first is not None and first < trial.number
