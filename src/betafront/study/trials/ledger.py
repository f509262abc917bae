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
from betafront.study.trials.keeping import REPEATS, why_not
from betafront.study.trials.lease import LEASE, ExpiredLeases, Worker
from betafront.study.trials.origin import Origin, origin
from betafront.study.trials.ours import ORIGIN
from betafront.study.trials.queue import (
    Suits,
    Work,
    anything,
    imported_work,
    is_met,
    lost_work,
    place_in_queue,
    queued_work,
    replicate_work,
    waiting_work,
)
from betafront.study.trials.rungs import reached
from betafront.study.trials.stacking import goes_beside, may_suit, most_at_once, program
from betafront.study.trials.status import REASON, REFUSED, Status, status
from betafront.study.trials.steps import has_steps
from betafront.study.trials.tally import Tally

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

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

    @property
    def seen(self) -> "Sequence[FrozenTrial]":
        """The trials of the study, as they stood at the last claim."""
        return self._tally.trials

    def claim_beside(self, first: Claim, runs: int) -> Iterator[Claim]:
        """The trials that this worker trains as one program with one that it holds, as many as its
        fair share allows: each is claimed when it is asked for, by the same rule.

        Args:
            first: that it holds.
            runs: how many are trained as one program.
        """
        most = most_at_once(runs, first.spec, self._tally, first.trial, self.worker)
        stack = [first]
        while len(stack) < most and (further := self.claim(stack)) is not None:
            stack.append(further)
            yield further

    def claim(self, beside: Sequence[Claim] = ()) -> Claim | None:
        """A trial for this worker to train; None once the budget is met or the study is to stop.

        Waits while other workers train the last trials, since one of them may be lost. The study
        and its trials are read once before each decision.

        Args:
            beside: what the worker holds already. The trial is then one that may be stacked with
                the first of these; None at once where nothing of the kind is to be done next.
        """
        tally, held = self._tally, {claim.trial.number for claim in beside}
        while True:
            self._settings = self.store.settings()
            spec = Spec.of(self._settings)
            tally.update(self.store.trials())
            if self._end_lost(spec) or self._release_left_behind():
                continue
            mine = [t for t in tally.not_plain if self.worker.holds(t) and t.number not in held]
            for trial in mine:
                refusal = why_not(trial, spec, tally)
                if refusal is None:
                    return Claim(trial, spec, tally.trials)
                end_failed(self.store, trial, refusal)
            if mine:
                continue
            if self._is_met(spec, tally) or self.stop(self._settings, spec, tally.trials):
                return None
            if beside:
                if not self._make_beside(beside[0].trial, spec, tally):
                    return None
                continue
            work = self._next(spec, tally)
            if work is None:
                time.sleep(random.uniform(*IDLE_SECONDS))
            elif work.waiting is not None:
                self._take(work.waiting, work.given, spec, tally)
            else:
                self._make(work, spec, tally)

    def _make_beside(self, trial: "FrozenTrial", spec: Spec, tally: Tally) -> bool:
        """Make a trial that may be stacked with one that the worker holds, if that is to be done
        next. Returns whether it did.

        What is drawn and does not suit is not made: it is drawn again at the next claim, so that
        which points a study has does not depend on what can be stacked.
        """
        work = self._next(spec, tally, lambda given: may_suit(given, trial))
        if work is None or work.waiting is not None:
            return False
        if not (goes_beside(work.origin, origin(trial)) and may_suit(work.given, trial)):
            return False
        point = self._point(work, spec, tally)
        if program(point.params) != program(trial.params):
            return False
        self._make_at(point, work, spec, tally)
        return True

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

    def _next(self, spec: Spec, tally: Tally, suits: Suits = anything) -> Work | None:
        """What a new trial is to do; None where nothing is to be done now.

        Args:
            spec: of the study.
            tally: of its trials.
            suits: which of the points that were asked for are taken before the others.
        """
        begun = tally.counting - len(tally.waiting)
        if work := lost_work(tally.not_plain, begun < spec.trials):
            return work
        if not has_steps(spec, tally):
            return None
        if work := waiting_work(spec, tally):
            return work
        if tally.counting < spec.trials:
            trials = tally.not_plain
            asked = imported_work(spec, trials) or queued_work(spec, trials, suits)
            return asked or Work(Origin(), {})
        return replicate_work(spec, tally.trials)

    def _make(self, work: Work, spec: Spec, tally: Tally) -> None:
        """Make a trial for some work, held by this worker."""
        self._make_at(self._point(work, spec, tally), work, spec, tally)

    def _make_at(self, point: Point, work: Work, spec: Spec, tally: Tally) -> None:
        """As `_make`, at a point that is drawn."""
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
