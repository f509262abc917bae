"""The range of the weight that a study searches where its space says `auto`: that of the forecast.

It is found once, for a new study, and kept in its space. A study that is gone on with has the range
with which it was made, whatever the forecast would say by then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from omegaconf import OmegaConf

from betafront.errors import UserError
from betafront.forecast.forecast import Forecast, forecast
from betafront.study.plan import Plan, with_search
from betafront.study.search.automatic import interval, is_automatic
from betafront.study.spec import SPEC, Spec
from betafront.study.storage.opening import open_storage, study_names
from betafront.study.storage.study_store import Store
from betafront.training.run import Run

RunOf = Callable[[list[str]], Run]


def with_range(plan: Plan, run_of: RunOf) -> Plan:
    """The plan with a range in place of `auto`; itself where nothing is `auto`.

    Args:
        plan: of a study.
        run_of: makes the run of some overrides.

    Raises:
        UserError: there is no forecast, or no one range.
    """
    key = next((k for k, search in plan.spec.space.items() if is_automatic(k, search)), None)
    if key is None:
        return plan
    stored = _stored(plan, key)
    found = [] if stored else list(_forecasts(plan, key, run_of))
    made = with_search(plan, key, stored or _spanned(key, found))
    return replace(
        made,
        spec=replace(made.spec, as_forecast=[key]),
        forecast=found[0] if len(found) == 1 else None,
    )


def _stored(plan: Plan, key: str) -> str | None:
    """The search with which the study was made, if that was `auto` too."""
    try:
        storage = open_storage(plan.base.storage.url, reading=True)
    except UserError:  # there is none yet; what else is wrong is said where it is opened to write
        return None
    if plan.spec.name not in study_names(storage):
        return None
    settings = Store(storage, plan.spec.name).settings()
    old = Spec.of(settings) if SPEC in settings else None
    return old.space.get(key) if old and key in old.as_forecast else None


def _spanned(key: str, found: Sequence[Forecast]) -> str:
    """The least range in which lies that of every forecast."""
    if len(names := sorted({one.normalisation.name for one in found})) > 1:
        raise UserError(
            f"{key}=auto is one range, and a weight is another β under each normalisation that is "
            f"searched ({', '.join(names)}): choose one, as in normalisation={names[-1]}, or write "
            f"the interval, as in '{key}={interval(0.01, 10)}'"
        )
    lows, highs = zip(*(one.search_weight for one in found), strict=True)
    return interval(min(lows), max(highs))


def _forecasts(plan: Plan, key: str, run_of: RunOf) -> Iterator[Forecast]:
    """The forecasts of the branches that have the weight, each once."""
    seen = set[tuple[object, ...]]()
    for overrides in plan.branches:
        others = [word for word in overrides if not word.startswith(f"{key}=")]
        if len(others) == len(overrides):
            continue
        run, likelihood = run_of(others), OmegaConf.to_yaml(plan.composer(others).likelihood)
        objective = run.objective_of(run.vae())
        what = likelihood, objective.widths, objective.normalisation.name
        if what in seen:
            continue
        seen.add(what)
        try:
            yield forecast(run.data, run.p_x(), objective)
        except UserError as error:
            raise UserError(f"{key}=auto has no range: {error}") from error
