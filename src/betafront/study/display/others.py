"""What other programs have put into a study, in lines: Optuna, its dashboard, its command line."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from betafront.study.spec import Spec
from betafront.study.trials.status import Status, reason, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FEW = 5  # trials that are named


def print_others(trials: "Sequence[FrozenTrial]", spec: Spec, out: Console) -> None:
    """Say which trials of a study come from other programs, and what becomes of them; nothing
    where there are none.

    Args:
        trials: all of the study.
        spec: of the study.
        out: the terminal.
    """
    for line in lines(trials, spec):
        out.print(line, style="yellow", markup=False, soft_wrap=True)


def lines(trials: "Sequence[FrozenTrial]", spec: Spec) -> Iterator[str]:
    """The lines of `print_others`."""
    found: dict[Status, list[FrozenTrial]] = {}
    for trial in trials:
        found.setdefault(status(trial), []).append(trial)
    if waiting := found.get(Status.WAITING):
        room = sum(status(t).counts for t in trials)
        then = f"study.budget.trials={room} has room for all" if room > spec.trials else "come next"
        yield f"In Optuna's queue: {_named(waiting)}; {then}"
    for trial in found.get(Status.REFUSED, [])[:FEW]:
        yield f"Trial {trial.number} of another program was {reason(trial)}"
    if (more := len(found.get(Status.REFUSED, [])) - FEW) > 0:
        yield f"… and {more} more of another program were refused"
    if foreign := found.get(Status.FOREIGN):
        yield f"Of another program: {_named(foreign)}; in no table and no front, without budget"


def _named(trials: "Sequence[FrozenTrial]") -> str:
    numbers = ", ".join(str(t.number) for t in trials[:FEW])
    return f"trial{'s' * (len(trials) > 1)} {numbers}{', …' * (len(trials) > FEW)}"
