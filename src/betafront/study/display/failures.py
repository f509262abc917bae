"""The failed trials of a study by their reasons: where to look, and what to do about it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from betafront.study.display.lines import chosen
from betafront.study.spec import Spec
from betafront.study.trials.origin import origin
from betafront.study.trials.replicates import runs_begun
from betafront.study.trials.status import (
    Status,
    kind_of_failure,
    reason,
    reason_without_numbers,
    status,
)
from betafront.terminal import command_line
from betafront.training.folder import RunFolder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FEW = 20  # up to so many failures are all listed
SHOWN = 3  # of each reason, where there are more
ADVICE = {
    "failed": "the end of the log has the error, with where it came from",
    "diverged": "a smaller optimizer.lr or a narrower space keeps it from diverging",
    "timed out": "a larger study.budget.trial_seconds lets it finish",
    "out of memory": "a smaller model or trainer.batch_size, or fewer study.workers, need less",
    "stale": "something ended its workers, as the system does when memory is full",
}


def print_failures(
    trials: "Sequence[FrozenTrial]", spec: Spec, out: Console, most: int = FEW
) -> None:
    """The trials that failed, grouped by their reasons.

    Args:
        trials: all of the study.
        spec: of the study.
        out: the terminal.
        most: how many of a group are listed.
    """
    failed = failed_trials(trials)
    if not failed:
        return
    out.print(heading(trials, failed), style="bold red")
    for group in by_reason(failed):
        _print_group(group, spec, min(most, SHOWN if len(failed) > FEW else FEW), out)
    out.print(
        f"Run one again with `{again(failed[0].number, spec)}`\n", markup=False, soft_wrap=True
    )


def again(number: int | str, spec: Spec) -> str:
    """The command that runs a trial again."""
    return command_line("train", options=["--trial", str(number), "--study", spec.name])


def failed_trials(trials: "Sequence[FrozenTrial]") -> "list[FrozenTrial]":
    """The trials that failed for good, those that would have added replicates among them."""
    return [t for t in trials if status(t).failed]


def heading(trials: "Sequence[FrozenTrial]", failed: "Sequence[FrozenTrial]") -> str:
    """How many failed, of each kind: `3 of 20 trials failed: 2 diverged, 1 timed out`."""
    ended = sum(status(t) in (Status.COMPLETE, Status.FAILED) for t in trials)
    own = sum(status(t) is Status.FAILED for t in failed)
    not_added = sum(status(t) is Status.NOT_ADDED for t in failed)
    confirming = sum(status(t) is Status.NOT_CONFIRMS for t in failed)
    what = f"{own} of {ended} trials failed" if own else "All trials have a result"
    if not_added:
        what += f", and {not_added} time{'s' if not_added > 1 else ''} more replicates of one"
    if confirming:
        runs = "runs that were" if confirming > 1 else "run that was"
        what += f", and {confirming} {runs} to confirm the decision"
    kinds = Counter(map(kind_of_failure, failed)).most_common()
    return f"{what}: " + ", ".join(f"{n} {name}" for name, n in kinds)


def reasons(trials: "Sequence[FrozenTrial]", spec: Spec) -> list[dict[str, Any]]:
    """For programs: each reason for which trials failed, most frequent first, with the numbers of
    the trials, the log of the first, and what to do about it."""
    return [
        {
            "reason": reason(group[0]),
            "trials": [t.number for t in group],
            "log": log_of(group[0], Path(spec.folder)),
            "advice": ADVICE.get(kind_of_failure(group[0]), ""),
        }
        for group in by_reason(failed_trials(trials))
    ]


def by_reason(failed: "Sequence[FrozenTrial]") -> "list[list[FrozenTrial]]":
    """Failed trials, grouped by their reasons without the numbers in them; the largest group
    first."""
    groups: dict[str, list[FrozenTrial]] = {}
    for trial in failed:
        groups.setdefault(reason_without_numbers(trial), []).append(trial)
    return sorted(groups.values(), key=len, reverse=True)


def _print_group(group: "Sequence[FrozenTrial]", spec: Spec, most: int, out: Console) -> None:
    out.print(reason(group[0]), style="red", markup=False)
    for trial in group[:most]:
        out.print(_line(trial, spec))
    if len(group) > most:
        numbers = ", ".join(str(t.number) for t in group[most : most + FEW])
        rest = "" if len(group) <= most + FEW else ", …"
        out.print(f"  and {len(group) - most} more: trials {numbers}{rest}", style="dim")
    if advice := ADVICE.get(kind_of_failure(group[0])):
        out.print(f"  {advice}", style="dim", markup=False)


def _line(trial: "FrozenTrial", spec: Spec) -> Text:
    """A trial, its log, and as many of its parameters as there is room for."""
    adds_to = origin(trial).adds_to
    confirms = origin(trial).confirms
    whose = "" if adds_to is None else f" for trial {adds_to}"
    whose = whose if confirms is None else f" confirms trial {confirms.trial}"
    line = Text(f"  trial {trial.number:>4}{whose}  ", no_wrap=True, overflow="ellipsis")
    line.append(log_of(trial, Path(spec.folder)))
    return line.append(f"  {chosen(spec, trial.params)}", style="dim")


def log_of(trial: "FrozenTrial", folder: Path) -> str:
    """The path of a trial's log: that of its last replicate, or the log of its worker where the
    trial has none. Relative to the working directory, if it is below it.

    Args:
        trial: that failed.
        folder: of the study.
    """
    logs = (run.log for run in runs_begun(folder, trial.number))
    found = [log for log in logs if log.is_file()]
    path = found[-1] if found else RunFolder(folder / "workers" / "*").log
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
