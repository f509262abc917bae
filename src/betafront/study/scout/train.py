"""Training the scout once, keeping what it predicts with the study, and enqueueing its points."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from betafront.config.build import build
from betafront.errors import UserError, os_error
from betafront.forecast.forecast import RATE_PER_LATENT, Forecast, forecast
from betafront.study.plan import Plan
from betafront.study.results.scout import SCOUT, written
from betafront.study.scout.family import is_asked, scout_config, searched
from betafront.study.scout.points import of_curve, of_forecast, to_enqueue
from betafront.study.search.automatic import WEIGHT
from betafront.study.spec import Spec
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import Outcome
from betafront.study.trials.lease import Progress
from betafront.study.worker.attempt import Asked, attempt
from betafront.study.worker.earlier_attempts import result_of
from betafront.training.folder import RunFolder
from betafront.training.result import Result


def is_due(plan: Plan, store: Store) -> bool:
    """Whether a study is to begin with a scout that it does not have yet."""
    return is_asked(plan) and not store.settings().get(SCOUT)


def scout(plan: Plan, store: Store, spec: Spec, out: Console) -> Spec:
    """Train the scout of a study that asks for one and has none, and enqueue the points that it
    predicts. One that was stopped goes on from its checkpoint.

    The range of the search stays as the user wrote it: the scout errs most at its ends, where a
    narrower one would leave out what it does not see.

    Args:
        plan: of the study, checked.
        store: of the study.
        spec: as it is stored.
        out: the terminal.

    Returns:
        the specification, with the points in its queue.

    Raises:
        UserError: this machine cannot train, as where its disk is full.
    """
    if not is_due(plan, store):
        return spec
    found = searched(plan)
    with out.status("forecasting …"):
        data = _forecast(plan)
    low, high = _narrowed(found.betas, data)
    result = _trained(plan, spec, low, high, out)
    kept: dict[str, Any] = {"forecast": written(of_forecast(data))}
    if isinstance(result, Outcome):
        if result.machine is not None:
            raise UserError(f"the scout: {os_error(result.machine)}; the same command goes on")
        if not result.halted:
            _say(out, f"The scout {result.reason}: the study goes on without it.")
            store.set(SCOUT, kept | {"failed": result.reason})
        return spec
    if len(result.curve) < 2:
        store.set(SCOUT, kept | {"failed": "has no finite values at most of its weights"})
        return spec
    points = of_curve(result.curve, RATE_PER_LATENT * plan.spec.latents)
    queue = to_enqueue(plan, found, of_forecast(data) | points)
    spec = replace(spec, queue=[*spec.queue, *(p for p in queue if p not in spec.queue)])
    spec.store(store)
    kept |= {
        "points": written(points),
        "seconds": result.seconds,
        "steps": result.history[-1]["step"] if result.history else 0,
        "low": low,
        "high": high,
    }
    store.set(SCOUT, kept)
    named = ", ".join(f"{name} at β = {at.beta:.3g}" for name, at in points.items())
    tried = ", ".join(f"{point[found.key]:.4g}" for point in queue)
    _say(out, f"The scout predicts {named}; {WEIGHT} = {tried} come first.")
    return spec


def _trained(plan: Plan, spec: Spec, low: float, high: float, out: Console) -> Result | Outcome:
    """The result of the scout, trained unless it is there."""
    folder = Path(spec.folder) / SCOUT
    if left := result_of(RunFolder(folder)):
        return left
    now: Progress = {}
    with out.status(Training(now)):
        asked = Asked([], folder, spec.trial_seconds, now, dropped=lambda: False)
        (found,) = attempt(lambda _: scout_config(plan, low, high), [asked])
        return found


class Training:
    """How far the scout is, in a line that is read whenever it is drawn."""

    def __init__(self, now: Progress) -> None:
        self.now = now

    def __rich__(self) -> Text:
        step, steps = self.now.get("step", 0), self.now.get("steps")
        far = f" {step:.0f}/{steps}" if steps else ""
        return Text(f"training the scout, one model for all weights …{far}")


def _forecast(plan: Plan) -> Forecast | None:
    """The forecast of the study's data; None where there is none."""
    if plan.forecast is not None:
        return plan.forecast
    try:
        run = build(plan.composer([]))
        return forecast(run.data, run.p_x(), run.objective_of(run.vae()))
    except (UserError, MemoryError, RuntimeError):
        return None


def _narrowed(searched: tuple[float, float], found: Forecast | None) -> tuple[float, float]:
    """The range of β to train for: what is searched, as far as the forecast says that it is worth
    it. A model of fewer decades is the better one in them."""
    if found is None:
        return searched
    low, high = max(searched[0], found.search[0]), min(searched[1], found.search[1])
    return (low, high) if low < high else searched


def _say(out: Console, line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)
