"""Drawing the next point: Optuna's samplers, on a copy of the study in memory.

A sampler reads the whole history and writes every parameter on its own. On a copy that costs no
transaction; the trial is then made in the storage at once. What a sampler draws depends on the
history, the study's seed, the number of trials before and the worker, so a study with one worker
draws the same points again, also where it was stopped and resumed.
"""

import json
import random
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from betafront.errors import UserError
from betafront.study.search.enumeration import grid, size
from betafront.study.search.samplers import POINTS, sampler
from betafront.study.search.space import Space
from betafront.study.seeds import seed_from

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

TRIES = 20  # draws of the study's sampler before points are drawn at random
RANDOM_TRIES = 2000
Reached = Callable[["FrozenTrial"], Sequence[float] | None]
ENUMERABLE = 100_000  # points of a space that are gone through for one that is left
BLIND = {"random", "grid", "qmc"}  # samplers that look at no history


@dataclass(frozen=True)
class Point:
    """What a trial is made with.

    Attributes:
        params: the parameters that are there.
        system_attrs: what the sampler wants to find on the trial later.
    """

    params: dict[str, Any]
    system_attrs: Mapping[str, Any]


class Drawing:
    """Draws points for one worker.

    Args:
        space: to draw from.
        settings: the configuration outside the space, which constraints may read.
        directions: of the objectives.
        name: of the sampler.
        seed: of the study.
        worker: the number of the worker, so that workers that draw at the same time draw other
            points.
        reached: the values of the objectives that a trial had where it was pruned; None where that
            is not known. The sampler sees it as complete with these: of a trial that Optuna has as
            pruned TPE takes any for a good one, where complete ones are few.
    """

    def __init__(
        self,
        space: Space,
        settings: Mapping[str, Any],
        directions: Iterable[str],
        name: str,
        seed: int,
        worker: int,
        reached: Reached = lambda trial: None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space = space
        self.settings = settings
        self.name = name
        self.seed = seed
        self.worker = worker
        self.reached = reached
        wanted = [optuna.study.StudyDirection[d.upper()] for d in directions]
        self.memory = optuna.create_study(directions=wanted)
        self._copies: dict[int, int] = {}  # the number of an unfinished trial to that of its copy
        self._seen: set[int] = set()

    def learn(self, trials: "Iterable[FrozenTrial]") -> None:
        """Bring the copy up to date, if the sampler looks at it."""
        if self.name in BLIND:  # a copy of a long history takes as much memory as the history
            return
        for trial in trials:
            if trial.number in self._copies and trial.state.is_finished():
                copy = self._copies.pop(trial.number)
                state, values = self._ended(trial)
                self.memory.tell(copy, values, state=state)
            elif trial.number not in self._seen:
                self._seen.add(trial.number)
                state, values = self._ended(trial)
                if state in (TrialState.COMPLETE, TrialState.RUNNING):
                    self._add(trial, state, values)

    def _ended(self, trial: "FrozenTrial") -> "tuple[TrialState, Sequence[float] | None]":
        """The state and the values of a trial, as the sampler is to see them."""
        if trial.state == TrialState.PRUNED and (found := self.reached(trial)) is not None:
            return TrialState.COMPLETE, found
        return trial.state, trial.values if trial.state == TrialState.COMPLETE else None

    def _add(
        self, trial: "FrozenTrial", state: TrialState, values: "Sequence[float] | None"
    ) -> None:
        copy = optuna.create_trial(
            state=state,
            values=values,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=trial.system_attrs,
        )
        self.memory.add_trial(copy)
        if not state.is_finished():
            self._copies[trial.number] = len(self.memory.get_trials(deepcopy=False)) - 1

    def draw(
        self, index: int, taken: Container[str], fixed: Mapping[str, Any] | None = None
    ) -> Point:
        """A point that keeps the constraints and was not drawn before, as long as one is left.

        Args:
            index: how many points of the study were drawn before.
            taken: the digests (`digest`) of the points of the study.
            fixed: parameters that are given.

        Raises:
            UserError: the constraints leave next to nothing.
        """
        allowed = None
        for attempt in range(TRIES + RANDOM_TRIES):
            point = self._one(index, attempt, fixed or {})
            if not self.space.allows(point.params, self.settings):
                continue
            allowed = allowed or point
            if digest(point.params) not in taken:
                return point
            if attempt >= TRIES:
                break
        if allowed is None:
            raise UserError(
                f"{TRIES + RANDOM_TRIES} points were drawn and none keeps study.constraints: they "
                "contradict each other or the space, or leave next to nothing of it"
            )
        return self._left(taken, index) or allowed

    def _left(self, taken: Container[str], index: int) -> Point | None:
        """A point of a finite space that was not drawn before, if there is one."""
        many = size(self.space)
        if many is None or many > ENUMERABLE:
            return None
        left = [p for p in grid(self.space, self.settings) if digest(p) not in taken]
        return Point(random.Random(seed_from(self.seed, index)).choice(left), {}) if left else None

    def _one(self, index: int, attempt: int, fixed: Mapping[str, Any]) -> Point:
        name = self.name if attempt < TRIES else "random"
        if name in POINTS and not fixed:
            return Point(POINTS[name](self.space, self.seed, index + attempt), {})
        own = (self.worker, index, attempt)
        self.memory.sampler = sampler(name, self.seed, *own, groups=self.space.conditional)
        if fixed:
            self.memory.enqueue_trial(dict(fixed))
        trial = self.memory.ask()
        params = self.space.suggest(trial)
        # Without the parameters that were given, which the storage keeps in its own way.
        attrs = {k: v for k, v in self._system_attrs(trial).items() if k != "fixed_params"}
        self.memory.tell(trial, state=TrialState.FAIL)
        return Point(params, attrs)

    def _system_attrs(self, trial: "Trial") -> Mapping[str, Any]:
        kept: Mapping[str, Any] = self.memory.get_trials(deepcopy=False)[trial.number].system_attrs
        return kept


def digest(params: Mapping[str, Any]) -> str:
    """A name for a point; 1 and 1.0 and true are different choices."""
    return json.dumps(params, sort_keys=True)
