"""What a claim needs to know of all trials, kept up to date at the cost of what has changed.

A trial that has ended never changes again. It is looked at once, so a claim in a study of a hundred
thousand trials looks only at the trials that run and at those that are new.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from betafront.study.search.drawing import digest
from betafront.study.trials.queue import is_plain, not_taken_up
from betafront.study.trials.status import Status, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

NUMBER = attrgetter("number")


class Tally:
    """Of the trials of one study, as they were at the last update.

    Attributes:
        trials: all, in the order of their numbers.
        not_plain: those that are not plain draws that are complete (`is_plain`), in the order of
            their numbers; every trial that has not ended is among them.
        finished: how many trials have ended and count against the budget.
        counting: how many trials count against the budget.
        waiting: those of them that wait in Optuna's queue, in the order of their numbers.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.trials: Sequence[FrozenTrial] = []
        self.not_plain: list[FrozenTrial] = []
        self.waiting: list[FrozenTrial] = []
        self.finished = self.counting = 0
        self._open: list[int] = []  # the places of the trials that have not ended
        self._ended: list[FrozenTrial] = []  # those that have ended and are not plain
        # Points of counting trials that have, and have not, ended; to the lowest trial number.
        self._ended_points: dict[str, int] = {}
        self._open_points: dict[str, int] = {}
        # Of each trial that has not ended: its parameters when they were read, and their digest.
        self._digests: dict[int, tuple[Mapping[str, Any], str]] = {}

    def update(self, trials: "Sequence[FrozenTrial]") -> None:
        """Take in the trials as they are now.

        Args:
            trials: all, in the order of their numbers: mostly those of the last update, and new
                ones. Where trials were deleted, all are looked at again.
        """
        known = len(self.trials)
        if known > len(trials) or (known and trials[known - 1].number != self.trials[-1].number):
            self._begin()
        places = [*self._open, *range(len(self.trials), len(trials))]
        self.trials, self._open = trials, []
        for place in places:
            if trials[place].state.is_finished():
                self._add_ended(trials[place])
            else:
                self._open.append(place)
        still_open = [trials[place] for place in self._open]
        self.not_plain = sorted([*self._ended, *still_open], key=NUMBER)
        self.waiting = [t for t in still_open if status(t) is Status.WAITING]
        self._count_open([t for t in still_open if status(t).counts])

    def below(self, number: int) -> int:
        """How many trials with lower numbers count against the budget."""
        rest = self.trials[bisect_left(self.trials, number, key=NUMBER) :]
        return self.counting - sum(status(t).counts for t in rest)

    def has_own_number(self, trial: "FrozenTrial") -> bool:
        """Whether no other trial has a trial's number."""
        place = bisect_left(self.trials, trial.number, key=NUMBER)
        return all(t is trial for t in self.trials[place : place + 2] if t.number == trial.number)

    def held_below(self, number: int) -> int:
        """How many places of the budget trials with lower numbers hold: those that count, and the
        lost ones, each until one of them has taken up its work."""
        below = (t for t in self.not_plain if t.number < number)
        return self.below(number) + sum(status(t) is Status.LOST for t in not_taken_up(below))

    def begun_below(self, number: int) -> int:
        """How many trials with lower numbers count against the budget and have begun."""
        return self.below(number) - sum(t.number < number for t in self.waiting)

    def first_at(self, point: str) -> int | None:
        """The lowest number of the counting trials at a point, by its digest."""
        known = [of[point] for of in (self._ended_points, self._open_points) if point in of]
        return min(known, default=None)

    def __contains__(self, point: object) -> bool:
        """Whether a counting trial is at a point, by its digest."""
        return point in self._ended_points or point in self._open_points

    def _add_ended(self, trial: "FrozenTrial") -> None:
        point = self._digest(trial)
        del self._digests[trial.number]
        if not is_plain(trial):
            insort(self._ended, trial, key=NUMBER)
        if status(trial).counts:
            self.finished += 1
            _keep_lowest(self._ended_points, point, trial.number)

    def _count_open(self, counting: "Sequence[FrozenTrial]") -> None:
        self.counting = self.finished + len(counting)
        self._open_points = {}
        for trial in counting:
            _keep_lowest(self._open_points, self._digest(trial), trial.number)

    def _digest(self, trial: "FrozenTrial") -> str:
        """The digest of a trial's point, worked out again only where its parameters have changed:
        another program adds them one after the other."""
        params, point = self._digests.get(trial.number, (None, ""))
        if params != trial.params:
            point = digest(trial.params)
            self._digests[trial.number] = trial.params, point
        return point


def _keep_lowest(numbers: dict[str, int], point: str, number: int) -> None:
    numbers[point] = min(number, numbers.get(point, number))
