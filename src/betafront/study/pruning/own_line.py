"""A run beside the others on the line that it is trained along.

With β known, two objectives are one: a run trains D + βR. What any other run has after as many
steps, (D', R'), bounds what this run's objective can be by then, whatever the other one's β is. So
the **regret on its own line**,

    D + βR − min (D' + βR'),

in nats, says the same of runs with any β: how far a run is behind what has been reached. A rank by
D, by R or by D + R does not: it stops an end of the front.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AtRung:
    """A run at a rung.

    Attributes:
        distortion, rate: of the validation, in nats per example.
        beta: the canonical β in force, which the run trains by then.
        final: the canonical β at its end.
        judged: whether the run is judged here, and not only bounds others: β has only risen so far
            (`betafront.study.pruning.trained_line`).
        stopped: whether the run has been stopped, at this rung or after it.
    """

    distortion: float
    rate: float
    beta: float
    final: float
    judged: bool = True
    stopped: bool = False

    def on_line(self, beta: float) -> float:
        """D + βR, in nats."""
        return self.distortion + beta * self.rate


@dataclass(frozen=True)
class Verdict:
    """What is said of a run at a rung.

    Attributes:
        stop: whether the run is to be stopped.
        regret: on its own line, in nats.
        limit: the regret above which a run of its β is stopped at this rung by now.
    """

    stop: bool
    regret: float
    limit: float


@dataclass(frozen=True)
class OwnLine:
    """Stops the runs whose regret on their own line is among the largest of all runs at a rung, and
    of those nearest in β too: regrets are larger where there is more to be learnt.

    Asynchronous: a run is judged when it comes to a rung, by those that have been there before it
    (Li et al. 2020). Never stopped are the members of the front in (R, D) at the rung, which has
    both of its ends, and a run beside which none that goes on, or has ended, has nearly its β.

    Args:
        keep: the part of the runs, those with the least regret, that goes on.
        nearest: the part of the judged runs at a rung that counts as nearest in β.
        least: how many these are at least; where fewer are there none is stopped.
        near: the factor within which two β are nearly the same.
    """

    keep: float = 0.6
    nearest: float = 0.25
    least: int = 8
    near: float = 2.0

    def judge(self, run: AtRung, others: Sequence[AtRung]) -> Verdict | None:
        """What is said of a run.

        Args:
            run: that comes to the rung.
            others: that have been there.

        Returns:
            None where nothing can be said: it is not judged there, or too few are.
        """
        every = [run, *others]
        judged = sorted((one for one in every if one.judged), key=lambda o: apart(o, run))
        if not run.judged or len(judged) < self.least:
            return None
        bounds = front_of(every)
        regrets = [regret(one, bounds) for one in judged]
        nearest = regrets[: max(self.least, math.ceil(self.nearest * len(judged)))]
        limit = max(quantile(regrets, self.keep), quantile(nearest, self.keep))
        mine = regret(run, bounds)
        spared = on_front(run, others) or not self._has_company(run, others)
        return Verdict(mine > limit and not spared, mine, limit)

    def _has_company(self, run: AtRung, others: Sequence[AtRung]) -> bool:
        """Whether another run with nearly the same β goes on, or has ended."""
        within = math.log(self.near)
        return any(o.judged and not o.stopped and apart(o, run) <= within for o in others)


def regret(run: AtRung, every: Sequence[AtRung]) -> float:
    """How far a run is behind the best on its own line, in nats; 0 where it is the best.

    Args:
        run: at a rung.
        every: run at that rung, this one among them; of these the front is enough.
    """
    return run.on_line(run.beta) - min(one.on_line(run.beta) for one in every)


def front_of(every: Sequence[AtRung]) -> list[AtRung]:
    """The runs on the front in (R, D), one of each point: among them is the best on every line
    whose β is not negative."""
    found, least = list[AtRung](), math.inf
    for one in sorted(every, key=lambda one: (one.rate, one.distortion)):
        if one.distortion < least:
            found.append(one)
            least = one.distortion
    return found


def on_front(run: AtRung, others: Sequence[AtRung]) -> bool:
    """Whether no other run at the rung dominates this one in (R, D)."""
    return not any(
        one.distortion <= run.distortion
        and one.rate <= run.rate
        and (one.distortion < run.distortion or one.rate < run.rate)
        for one in others
    )


def apart(one: AtRung, other: AtRung) -> float:
    """How far the final β of two runs are apart, as a logarithm; infinite where one is 0."""
    if one.final == other.final:
        return 0.0
    if min(one.final, other.final) <= 0:
        return math.inf
    return abs(math.log(one.final / other.final))


def quantile(values: Sequence[float], part: float) -> float:
    """The largest of the least `part` of some values, at least of one."""
    return sorted(values)[max(1, math.ceil(part * len(values))) - 1]
