"""What failed, told by why it did: where to look, and what to do about it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from betafront.study.display.lines import chosen, is_bad
from betafront.study.results.table import reason, state
from betafront.study.spec import Spec
from betafront.study.trials.ledger import kind, origin, outline
from betafront.study.trials.replicates import trial_folder
from betafront.training.folder import RunFolder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FEW = 20  # failures of which every one is listed
SHOWN = 3  # of each reason, where there are more
ADVICE = {
    "failed": "the end of the log has the error, with where it came from",
    "diverged": "a smaller optimizer.lr or a narrower space keeps it from diverging",
    "timed out": "a larger study.budget.trial_seconds lets it finish",
    "out of memory": "a smaller model or trainer.batch_size, or fewer study.workers, need less",
    "stale": "something ended its workers, as the system does when memory is full",
}


def print_failures(trials: "Sequence[FrozenTrial]", spec: Spec, out: Console) -> None:
    """The trials that failed, those of the same reason together."""
    bad = [t for t in trials if is_bad(t)]
    if not bad:
        return
    out.print(heading(trials, bad), style="bold red")
    for alike in by_reason(bad):
        _print_alike(alike, spec, SHOWN if len(bad) > FEW else FEW, out)
    again = f"betafront train --trial {bad[0].number} --study {spec.name}"
    out.print(f"Run one again with `{again}`\n", markup=False, soft_wrap=True)


def heading(trials: "Sequence[FrozenTrial]", bad: "Sequence[FrozenTrial]") -> str:
    """How many failed, of each kind: `3 of 20 trials failed: 2 diverged, 1 timed out`."""
    ended = sum(state(t) in ("complete", "failed") for t in trials)
    failed = sum(state(t) == "failed" for t in bad)
    more = len(bad) - failed  # that would have added replicates to a trial
    what = f"{failed} of {ended} trials failed" if failed else "All trials have a result"
    if more:
        what += f", and {more} time{'s' if more > 1 else ''} more replicates of one"
    kinds = Counter(kind(t) for t in bad).most_common()
    return f"{what}: " + ", ".join(f"{n} {name}" for name, n in kinds)


def by_reason(bad: "Sequence[FrozenTrial]") -> "list[list[FrozenTrial]]":
    """The failures, those together whose reasons differ in their numbers alone; the most frequent
    first."""
    groups: dict[str, list[FrozenTrial]] = {}
    for trial in bad:
        groups.setdefault(outline(trial), []).append(trial)
    return sorted(groups.values(), key=len, reverse=True)


def _print_alike(alike: "Sequence[FrozenTrial]", spec: Spec, most: int, out: Console) -> None:
    out.print(reason(alike[0]), style="red", markup=False)
    for trial in alike[:most]:
        out.print(_line(trial, spec))
    if len(alike) > most:
        numbers = ", ".join(str(t.number) for t in alike[most : most + FEW])
        rest = "" if len(alike) <= most + FEW else ", …"
        out.print(f"  and {len(alike) - most} more: trials {numbers}{rest}", style="dim")
    if advice := ADVICE.get(kind(alike[0])):
        out.print(f"  {advice}", style="dim", markup=False)


def _line(trial: "FrozenTrial", spec: Spec) -> Text:
    """The trial, its log, and as many of its parameters as there is room for."""
    tops = origin(trial).tops
    whose = "" if tops is None else f" for trial {tops}"
    line = Text(f"  trial {trial.number:>4}{whose}  ", no_wrap=True, overflow="ellipsis")
    line.append(log_of(trial, Path(spec.folder)))
    return line.append(f"  {chosen(spec, trial.params)}", style="dim")


def log_of(trial: "FrozenTrial", folder: Path) -> str:
    """Where the log of a trial is, the last of its replicates' first; that of its worker where it
    never came to one. Shorter from where the user stands, if it is below."""
    own = folder / trial_folder(trial.number)
    logs = [RunFolder(part).log for part in (own, *sorted(own.glob("replicate-*")))]
    found = [log for log in logs if log.is_file()]
    path = found[-1] if found else RunFolder(folder / "workers" / "*").log
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
