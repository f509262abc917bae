"""What a claim reckons with of all trials, kept up to date at the cost of what has changed.

A trial that has ended never changes again. So it is looked at once, and a claim in a study of a
hundred thousand trials looks only at those that go on and those that have come since.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from betafront.study.search.drawing import digest

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

NUMBER = attrgetter("number")


class Tally:
    """Of the trials of one study, as they were when it last looked at them.

    Args:
        counts: whether a trial takes up budget; of one that has ended this is final.
        is_notable: whether it is more than a draw that is complete; final in the same way.

    Attributes:
        trials: all, in order of their numbers.
        few: the notable ones, in order of their numbers; all that go on are among them.
        finished: how many are finished and count.
        counting: how many count.
    """

    def __init__(
        self,
        counts: "Callable[[FrozenTrial], bool]",
        is_notable: "Callable[[FrozenTrial], bool]",
    ) -> None:
        self.trials: Sequence[FrozenTrial] = []
        self.few: list[FrozenTrial] = []
        self.finished = self.counting = 0
        self._counts = counts
        self._is_notable = is_notable
        self._open: list[int] = []  # places of those that went on
        self._ended: list[FrozenTrial] = []  # the notable ones of those that have ended
        self._points: dict[str, int] = {}  # of the finished that count, to the lowest number
        self._open_points: dict[str, int] = {}
        self._points_of: dict[int, tuple[Mapping[str, Any], str]] = {}  # of those that went on

    def look(self, trials: "Sequence[FrozenTrial]") -> None:
        """Take in the trials as they are now.

        Args:
            trials: all, in order of their numbers: those of the last look, and perhaps more.
        """
        places = [*self._open, *range(len(self.trials), len(trials))]
        self.trials, self._open = trials, []
        for place in places:
            if trials[place].state.is_finished():
                self._settle(trials[place])
            else:
                self._open.append(place)
        going = [trials[place] for place in self._open]
        self.few = sorted([*self._ended, *going], key=NUMBER)
        self._reckon_open([t for t in going if self._counts(t)])

    def below(self, number: int) -> int:
        """How many trials with lower numbers count."""
        rest = self.trials[bisect_left(self.trials, number, key=NUMBER) :]
        return self.counting - sum(map(self._counts, rest))

    def first(self, point: str) -> int | None:
        """The lowest number of the trials that count and are at a point, by its digest."""
        known = [of[point] for of in (self._points, self._open_points) if point in of]
        return min(known, default=None)

    def __contains__(self, point: object) -> bool:
        """Whether a trial that counts is at a point, by its digest."""
        return point in self._points or point in self._open_points

    def _settle(self, trial: "FrozenTrial") -> None:
        point = self._point(trial)
        del self._points_of[trial.number]
        if self._is_notable(trial):
            insort(self._ended, trial, key=NUMBER)
        if self._counts(trial):
            self.finished += 1
            _lowest(self._points, point, trial.number)

    def _reckon_open(self, counting: "Sequence[FrozenTrial]") -> None:
        self.counting = self.finished + len(counting)
        self._open_points = {}
        for trial in counting:
            _lowest(self._open_points, self._point(trial), trial.number)

    def _point(self, trial: "FrozenTrial") -> str:
        """The digest of a trial's point, kept while it goes on."""
        params, point = self._points_of.get(trial.number, (None, ""))
        if params != trial.params:  # it is new, or another program adds one after the other
            point = digest(trial.params)
            self._points_of[trial.number] = trial.params, point
        return point


def _lowest(numbers: dict[str, int], point: str, number: int) -> None:
    numbers[point] = min(number, numbers.get(point, number))
