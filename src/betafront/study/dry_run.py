"""`betafront sweep --dry-run`: what a sweep would do, and what it would cost."""

import shlex
import tempfile
from pathlib import Path

from hydra.types import HydraContext
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from betafront import composition
from betafront.front import console, print_next
from betafront.front.table import text
from betafront.recipe import build, save
from betafront.study.drawing import Drawing
from betafront.study.plan import Plan, make_plan
from betafront.study.records import command
from betafront.study.replicates import seed
from betafront.study.spec import Spec
from betafront.training import fit

SHOWN = 5


def dry_run(context: HydraContext, config: DictConfig, arguments: list[str]) -> None:
    """Print the space, the number of branches, the first points, the budget, and an estimate of
    time and disk from one trial that is trained in a temporary folder.

    Raises:
        UserError: the sweep would be refused.
    """
    out = console()
    plan = make_plan(context, config, arguments)
    points = first_points(plan)
    print_space(plan, out)
    print_points(plan, points, out)
    print_budget(plan.spec, out)
    with out.status("training one trial to see what it costs …"):
        seconds, size = measure(plan, points[0])
    print_cost(plan.spec, seconds, size, out)
    print_next([("sweep", command(plan.spec))], out)


def first_points(plan: Plan) -> list[dict[str, object]]:
    """The first points that a worker would try in a new study."""
    spec = plan.spec
    directions = spec.objectives.values()
    drawing = Drawing(plan.space, spec.base, directions, spec.sampler, spec.seed, worker=0)
    points: list[dict[str, object]] = []
    for index in range(min(SHOWN, spec.trials)):
        given = spec.queue[index] if index < len(spec.queue) else {}
        points.append(drawing.draw(index, points, given).params)
    return points


def print_space(plan: Plan, out: Console) -> None:
    """The space as it was written, with what it came to."""
    spec, size = plan.spec, plan.space.size
    table = Table(title=f"The space of {spec.name}", title_justify="left", box=None)
    for name in ("parameter", "search", "where"):
        table.add_column(name)
    for key, sweep in spec.space.items():
        table.add_row(key, escape(sweep), escape(", ".join(spec.conditions.get(key, []))))
    out.print(table)
    for constraint in spec.constraints:
        out.print(f"constraint: {constraint}", markup=False)
    points = "infinitely many points" if size is None else f"{size} points"
    out.print(f"{points}; {plan.branches} branches, each composed and made once: all are sound.\n")


def print_points(plan: Plan, points: list[dict[str, object]], out: Console) -> None:
    """The first points, each as a command that trains it."""
    queued = min(len(plan.spec.queue), len(points))
    asked = f", the first {queued} from the queue" if queued else ""
    out.print(f"[bold]The first {len(points)} trials[/] (sampler {plan.spec.sampler}{asked})")
    for number, params in enumerate(points):
        words = [*plan.fixed, *plan.space.overrides(params)]
        words = [w for w in words if not w.startswith("study")]
        words.append(f"seed={seed(plan.spec.seed, number, 0)}")
        out.print(f"  {shlex.join(['betafront', 'train', *words])}", soft_wrap=True, markup=False)
    out.print()


def print_budget(spec: Spec, out: Console) -> None:
    """What the study may spend."""
    runs = f" × {spec.replicates} replicates" if spec.replicates > 1 else ""
    limits = [f"{spec.trials} trials{runs}", f"{spec.workers} workers"]
    if spec.seconds is not None:
        limits.append(f"{text(spec.seconds)} s in all")
    if spec.trial_seconds is not None:
        limits.append(f"{text(spec.trial_seconds)} s per run")
    out.print(f"[bold]Budget[/]: {', '.join(limits)}")


def measure(plan: Plan, params: dict[str, object]) -> tuple[float, int]:
    """Train one trial, and say how many seconds it took and how many bytes it left."""
    overrides = [*plan.fixed, *plan.space.overrides(params), f"seed={seed(plan.spec.seed, 0, 0)}"]
    config = composition.compose(plan.context.config_loader, plan.config, overrides)
    with tempfile.TemporaryDirectory(prefix="betafront-") as place:
        folder = Path(place)
        save(config, folder)
        result = fit(build(config), folder)
        return result.seconds, sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def print_cost(spec: Spec, seconds: float, size: int, out: Console) -> None:
    """What the whole sweep would take, if every run were like the one that was measured."""
    runs = spec.trials * spec.replicates
    whole = runs * seconds / spec.workers
    if spec.seconds is not None:
        whole = min(whole, spec.seconds)
    out.print(
        f"[bold]One run[/] took {seconds:.1f} s and {size / 1e6:.1f} MB; {runs} such runs take "
        f"about {duration(whole)} on {spec.workers} workers with a core each, and "
        f"{runs * size / 1e6:.0f} MB."
    )


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
