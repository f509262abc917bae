"""`betafront sweep --dry-run`: what a sweep would do, and what it would cost."""

import os
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from betafront.config.begun import build_to_train
from betafront.config.build import with_steps
from betafront.config.saved import save
from betafront.errors import UserError
from betafront.front.table import text
from betafront.study.branch_check import checked, length_in_words
from betafront.study.create import check_new_name, going_on, not_imported
from betafront.study.imports.found import whole_runs
from betafront.study.imports.import_from import with_imports
from betafront.study.plan import Plan
from betafront.study.results.searched_range import as_forecast
from betafront.study.scout.family import is_asked
from betafront.study.search.drawing import BLIND, Drawing, digest
from betafront.study.search.enumeration import size
from betafront.study.seeds import run_seed
from betafront.study.spec import Spec
from betafront.study.storage.opening import Storage, open_storage, study_names
from betafront.study.storage.study_store import Store
from betafront.study.trials.pace import duration
from betafront.study.trials.stacking import stacks_in_words
from betafront.study.trials.status import finished
from betafront.study.trials.steps import in_words
from betafront.terminal import command_line, console, print_careful, print_next
from betafront.training import Attempt, fit
from betafront.training.failure import Failure
from betafront.training.history import STEP, Row
from betafront.training.result import Result

SHOWN = 5
MEASURED_SECONDS = 60.0  # of training, from which a longer run's time follows
NOT_TRAINS = ("study.", "suggestions", "storage", "tracking", "runs=")  # a run reads none of these


def dry_run(plan: Plan) -> None:
    """Print the space, the number of branches, the first points, the budget, and an estimate of
    time and disk from one trial that is trained in a temporary folder.

    Raises:
        UserError: the sweep would be refused.
    """
    out = console()
    with out.status("making every branch of the space once …"):
        plan = checked(plan)
    print_careful(plan.cautions, out)
    if length := length_in_words(plan.spec):
        out.print(length, markup=False)
    storage = storage_of(plan)
    plan, before = going_on_with(plan, storage)
    plan, imported = with_imports(plan, storage)
    points = first_points(plan)
    print_space(plan, out)
    print_points(plan, points, out)
    print_budget(plan.spec, before, imported, out)
    if is_asked(plan):
        out.print("  before them the scout, one run of a model conditioned on β, beside the budget")
    runs = whole_runs(plan.spec, before)
    some = points or [one["params"] for one in plan.spec.imports]
    print_cost(plan.spec, measure(plan, some[0], out), runs, out)
    words = [w for w in plan.spec.command if not w.startswith("hydra.sweeper.dry_run")]
    print_next([("sweep", command_line("sweep", options=words))], out)


def storage_of(plan: Plan) -> Storage | None:
    """The storage of the study; None where the sweep makes it."""
    try:
        return open_storage(plan.base.storage.url, reading=True)
    except UserError:
        return None


def going_on_with(plan: Plan, storage: Storage | None) -> tuple[Plan, int]:
    """The plan as its study was begun, and how many trials are finished already; 0 for a new study.

    Raises:
        UserError: it exists for something else.
    """
    if storage is None or plan.spec.name not in study_names(storage):
        check_new_name(plan.spec.name)
        return plan, 0
    store, plan = Store(storage, plan.spec.name), going_on(plan, storage)
    plan.spec.refuse_if_changed(Spec.of(store.settings()))
    return plan, finished(store.trials())


def first_points(plan: Plan) -> list[dict[str, Any]]:
    """The first points that the only worker of a new study would try, beside those that are taken
    from another study."""
    spec = plan.spec
    directions = spec.objectives.values()
    drawing = Drawing(plan.space, spec.base, directions, spec.sampler, spec.seed, worker=0)
    points: list[dict[str, Any]] = []
    queue, imported = not_imported(spec.queue, spec.imports), len(spec.imports)
    had = {digest(one["params"]) for one in spec.imports}
    for place in range(min(SHOWN, max(spec.trials - imported, 0))):
        given = queue[place] if place < len(queue) else {}
        taken = had | {digest(point) for point in points}
        whole = plan.space.is_whole(given)
        index = imported + place
        points.append(dict(given) if whole else drawing.draw(index, taken, given).params)
    return points


def print_space(plan: Plan, out: Console) -> None:
    """Print the space as it was written, and how many points and branches it has."""
    spec, many = plan.spec, size(plan.space)
    out.print(spec.name, style="bold")
    if spec.question:
        out.print(spec.question, markup=False)
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    for name in ("parameter", "search", *(["where"] if spec.conditions else [])):
        table.add_column(name, overflow="fold")
    for key, sweep in spec.space.items():
        where = [", ".join(spec.conditions.get(key, []))] if spec.conditions else []
        table.add_row(key, sweep, *where)
    out.print("\nThe space", style="bold")
    out.print(table if spec.space else "  nothing is searched")
    for constraint in spec.constraints:
        out.print(f"  constraint  {constraint}", markup=False)
    if said := as_forecast(spec):
        out.print(f"  {said}", markup=False)
    points = "infinitely many points" if many is None else f"{many} point{'' if many == 1 else 's'}"
    if many is not None and spec.constraints:
        points += " before the constraints"
    n = len(plan.branches)
    branches = "1 branch was" if n == 1 else f"{n} branches were each"
    out.print(f"  {points}; {branches} composed and made once, and can be trained")
    for why in plan.left_out:
        out.print(f"  a suggestion is left out: {why}", style="dim", markup=False)


def print_points(plan: Plan, points: Sequence[dict[str, Any]], out: Console) -> None:
    """Print the first points, each as a command that trains it."""
    spec, imported = plan.spec, len(plan.spec.imports)
    if not points:
        return
    asked = min(len(not_imported(spec.queue, spec.imports)), len(points))
    grid = spec.sampler == "grid"
    queued = f"; the first {asked} were asked for" if asked and not grid else ""
    many = "the other workers draw their own" if spec.workers > 1 and not grid else ""
    others = "" if not imported or spec.sampler in BLIND else "drawn without those taken over"
    how = "; ".join(part for part in (f"sampler {spec.sampler}{queued}", others, many) if part)
    which = f"next {len(points)}" if imported else f"first {len(points)}"
    out.print(Text.assemble("\n", (f"The {which} trials of a new study", "bold"), f" ({how})"))
    for number, params in enumerate(points, start=imported):
        fixed = [word for word in plan.composer.fixed if not word.startswith(NOT_TRAINS)]
        own = [*plan.space.overrides(params), f"seed={run_seed(spec.seed, number, 0)}"]
        for i, line in enumerate(broken(["betafront", "train", *fixed, *own], out.width - 4)):
            out.print(f"{'    ' if i else '  '}{line}", soft_wrap=True, markup=False)


def broken(words: Sequence[str], width: int) -> list[str]:
    """A shell command in lines of at most `width` columns, as far as its words allow."""
    lines = [""]
    for word in map(shlex.quote, words):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width - 2:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return [f"{line} \\" for line in lines[:-1]] + [lines[-1]]


def print_budget(spec: Spec, before: int, imported: Sequence[str], out: Console) -> None:
    """Print the budget of the study.

    Args:
        spec: of the study.
        before: how many trials are finished already.
        imported: lines on what is taken from another study.
        out: the terminal.
    """
    runs = f" of {spec.replicates} replicates" if spec.replicates > 1 else ""
    limits = [f"{spec.trials} trials{runs}", f"{spec.workers} workers{stacks_in_words(spec)}"]
    if spec.steps is not None:
        limits.append(f"{in_words(spec.steps)} in all")
    if spec.seconds is not None:
        limits.append(f"{text(spec.seconds)} s in all")
    if spec.trial_seconds is not None:
        limits.append(f"{text(spec.trial_seconds)} s per run")
    are = "is" if before == 1 else "are"
    done = f"; {before} of them {are} finished, and the sweep goes on from there" if before else ""
    out.print("\nThe budget", style="bold")
    out.print(f"  {', '.join(limits)}{done}")
    for line in imported:
        out.print(f"  {line}", markup=False)


@dataclass(frozen=True)
class Cost:
    """What one run takes.

    Attributes:
        seconds: of the run; of one that was measured in part, those that it would take at its pace.
        size: bytes of its files.
        how: the part of the run that was measured; empty for all of it.
        fails: why the run has no result; None where it has one.
    """

    seconds: float
    size: int
    how: str = ""
    fails: str | None = None


def measure(plan: Plan, params: dict[str, Any], out: Console) -> Cost:
    """Train one trial, or the beginning of a long one, in a temporary folder."""
    seed = run_seed(plan.spec.seed, 0, 0)
    config = with_steps(plan.composer([*plan.space.overrides(params), f"seed={seed}"]))
    steps, started = config.trainer.steps, time.monotonic()

    def long() -> bool:
        return time.monotonic() - started > MEASURED_SECONDS

    with (
        tempfile.TemporaryDirectory(prefix="betafront-") as place,
        out.status("training the first to see what it costs …") as shown,
    ):
        folder = Path(place)
        save(config, folder)

        def report(row: Row) -> None:
            shown.update(f"training the first to see what it costs … {row[STEP]:.0f}/{steps}")

        run = build_to_train(config)
        (outcome,) = fit([Attempt(run, folder, report, long, plan.spec.trial_seconds)])
        seconds, size = time.monotonic() - started, _size(folder)
        match outcome:
            case Result():
                return Cost(outcome.seconds, size)
            case Failure(kind="halted", step=int(step)):
                how = f", measured over its first {step} of {steps} steps"
                return Cost(seconds * steps / step, size, how)
            case Failure(kind="diverged" | "timed out"):
                return Cost(seconds, size, fails=outcome.reason)
        raise outcome.error


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def print_cost(spec: Spec, cost: Cost, runs: float, out: Console) -> None:
    """Print what the rest of the sweep would take if every run were like the measured one.

    Args:
        spec: of the study.
        cost: of the measured run.
        runs: how many such runs the sweep would train.
        out: the terminal.
    """
    out.print("\nThe cost", style="bold")
    if cost.fails:
        out.print(f"  unknown: the first trial {cost.fails}", style="yellow", markup=False)
        return
    trials = runs / spec.replicates
    seconds = runs * cost.seconds / min(spec.workers, max(trials, 1))
    out.print(f"  one run takes {duration(cost.seconds)} and {decimal(cost.size)}{cost.how}")
    cores = os.cpu_count() or 1
    few = f" (this machine has {cores} for {spec.workers} workers)" if cores < spec.workers else ""
    out.print(
        f"  {runs:.4g} such runs take about {duration(seconds)} where every worker has a core of "
        f"its own{few}, and {decimal(round(runs * cost.size))}"
    )
    if spec.seconds is not None and seconds > spec.seconds:
        fit_in = int(spec.seconds / seconds * trials)
        out.print(
            f"  study.budget.seconds={text(spec.seconds)} ends it after about {fit_in} trials",
            style="yellow",
        )
