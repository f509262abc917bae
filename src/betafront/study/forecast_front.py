"""The linear-Gaussian front that is kept beside a study: made by the first sweep that works at it,
since who only reads a study has neither torch nor the data."""

from collections.abc import Iterable

from betafront.config.build import build
from betafront.errors import UserError
from betafront.forecast.forecast import RATE_PER_LATENT, Forecast, forecast
from betafront.forecast.linear_front import LinearFront, Point
from betafront.front.table import PLANE
from betafront.objective import Gaussian, Likelihood
from betafront.study.plan import Plan
from betafront.study.results.floor import FLOOR
from betafront.study.storage.study_store import Store
from betafront.training.run import Run

MOST = 2**28
"""Numbers of the training split, beyond which a sweep does not wait for it: it would take minutes,
and `betafront forecast` says the same."""

Kept = dict[str, list[float]]


def keep_front(store: Store, plan: Plan) -> None:
    """Keep the front with a study that has none yet; nothing where it is not of all of its trials,
    or cannot be had.

    Args:
        store: of the study.
        plan: of it, checked.
    """
    if FLOOR not in store.settings():
        store.set(FLOOR, front_of(plan))


def front_of(plan: Plan) -> Kept:
    """The front as it is kept: β, rate and distortion on the validation split. Nothing where the
    objectives are others, where trials differ in likelihood or in number of latents, where the
    likelihood is no Gaussian, and where it cannot be had."""
    if not plan.one_floor or plan.spec.objectives != PLANE:
        return {}
    try:
        found = plan.forecast or _forecast(build(plan.composer(plan.branches[0])))
        if found is None or found.front is None or not _has_one(found.collapse.likelihood):
            return {}
        return _kept(found, found.front)
    except (UserError, MemoryError, RuntimeError):  # torch's, as of memory, are of the last kind
        return {}


def _forecast(run: Run) -> Forecast | None:
    """The forecast of a run that has a front, unless it takes too long."""
    data, likelihood = run.data, run.p_x()
    if not _has_one(likelihood) or data.size("train") * data.dims > MOST:
        return None
    return forecast(data, likelihood, run.objective_of(run.vae()))


def _has_one(likelihood: Likelihood) -> bool:
    """Whether the front is that of this likelihood, and not of a special case of it."""
    return isinstance(likelihood, Gaussian)


def _kept(found: Forecast, front: LinearFront) -> Kept:
    most = RATE_PER_LATENT * min(found.telling, len(front.values))
    points = list(_falling(front.down_to(most, found.beta_live)))
    return {
        "beta": [_short(point.beta) for point in points],
        "rate": [_short(point.val_rate) for point in points],
        "distortion": [_short(point.val_distortion) for point in points],
    }


def _falling(points: Iterable[Point]) -> Iterable[Point]:
    """The points as far as a larger rate has a smaller distortion: of few examples the linear model
    learns by heart in the end, and is worse on others."""
    last: Point | None = None
    for point in points:
        if last is not None and point.val_distortion >= last.val_distortion:
            return
        yield (last := point)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
