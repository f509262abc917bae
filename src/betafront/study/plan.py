"""A plan: a sweep that was checked from end to end before anything is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from betafront.addresses import masked, refuse_passwords
from betafront.config import compose as composition
from betafront.config.build import build, check
from betafront.config.parts import PARTS
from betafront.errors import UserError, near_miss, one_line
from betafront.metrics.catalogue import direction
from betafront.metrics.zero_rate import EXAMPLES, zero_rate
from betafront.study.search.conditions import Conditions, Lines, decide, flatten
from betafront.study.search.grammar import parse
from betafront.study.search.space import Space
from betafront.study.spec import Spec, read_spec
from betafront.training import Run

# The rate beyond which the hypervolume counts nothing, per latent: at 5 nats a posterior is 150
# times narrower than its prior, tighter than any use of a latent that we know of.
REFERENCE_RATE_PER_LATENT = 5.0


@dataclass(frozen=True)
class Plan:
    """A sweep that was checked from end to end before anything is asked.

    Attributes:
        context, config: with which trials are composed.
        fixed: overrides that hold for every trial.
        space: what the trials differ in.
        base: the configuration without the space.
        spec: of the study.
        branches: how many were composed and made.
        left_out: suggestions that are not points of the space, with the reason.
    """

    context: HydraContext
    config: DictConfig
    fixed: list[str]
    space: Space
    base: DictConfig
    spec: Spec
    branches: int
    left_out: list[str]


def make_plan(context: HydraContext, config: DictConfig, arguments: list[str]) -> Plan:
    """Read the space and the settings, and make every part of every branch once.

    Raises:
        UserError: naming what is wrong and the way out.
    """
    fixed, lines, conditions = split_arguments(arguments, config)
    constraints = [str(c) for c in config.study.constraints]
    written = (f"{key}={value}" for key, value in lines.items())
    space = Space.parse(written, conditions, constraints)
    base = composition.compose(context.config_loader, config, fixed)
    refuse_passwords(base)
    of_this_call = ("hydra.mode", "hydra.sweeper.")
    launch_choices = [o for o in config.hydra.overrides.hydra if not o.startswith(of_this_call)]
    spec = replace(
        read_spec(base, space, lines),
        command=[masked(w) if "://" in w else w for w in (*launch_choices, *arguments)],
        conditions=conditions,
    )
    space.check_constraints(spec.base)
    run, branches = check_branches(context, config, fixed, space, spec.base)
    spec = describe(spec, run)
    queue, left_out = read_queue(base, space, spec)
    if spec.sampler == "grid":
        queue = [*queue, *(p for p in space.grid(spec.base) if p not in queue)]
        spec = replace(spec, trials=min(spec.trials, len(queue)))
    spec = replace(spec, queue=queue)
    return Plan(context, config, fixed, space, base, spec, branches, left_out)


def split_arguments(
    arguments: list[str], config: DictConfig
) -> tuple[list[str], Lines, Conditions]:
    """The overrides that hold for every trial, the search space line by line, and the conditions
    under which its parameters are there.

    A sweep on the command line joins or replaces the study's own; a plain value there takes its
    parameter out of the search, and decides the conditions that read it.
    """
    overrides = parse(arguments)
    lines, conditions = flatten(_plain(config.study.space) or {})
    fixed = []
    for text, override in zip(arguments, overrides, strict=True):
        key = override.get_key_element()
        if override.is_sweep_override():
            lines[key] = text.split("=", 1)[1]
        else:
            lines.pop(key, None)
            conditions.pop(key, None)
            if not override.is_delete():
                decide(key, text, lines, conditions)
            fixed.append(text)
    for key in [*lines, *(o.key_or_group for o in overrides if o.key_or_group == "seed")]:
        check_key(key)
    if not lines:
        raise UserError(
            "there is nothing to search: name a study (study=weighting), or give a parameter more "
            "than one value, as in 'objective.weight=tag(log,interval(0.01,10))'"
        )
    return fixed, lines, conditions


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def read_queue(
    base: DictConfig, space: Space, spec: Spec
) -> tuple[list[dict[str, Any]], list[str]]:
    """The points to be tried first: the user's own, which must fit, then those suggestions that do.

    Returns:
        the points; and for each suggestion that does not fit, why.

    Raises:
        UserError: a point of the user's is outside the space.
    """
    queue: list[dict[str, Any]] = []
    left_out: list[str] = []
    for point in _points(base, "enqueue"):
        queue.append(space.check_point(point, spec.base))
    for point in _points(base, "suggestions"):
        try:
            fitting = space.check_point(_searched(point, space, base), spec.base)
        except UserError as error:
            left_out.append(str(error))
            continue
        if fitting and fitting not in queue:
            queue.append(fitting)
    return queue, left_out


def _points(base: DictConfig, key: str) -> list[dict[str, Any]]:
    points = _plain(base.study[key])
    if not isinstance(points, list) or not all(isinstance(p, dict) and p for p in points):
        raise UserError(
            f"study.{key} must be a list of points, each PARAMETER: VALUE, as in "
            f"'study.{key}=[{{objective.weight: 1}}]'"
        )
    return points


def _searched(point: Mapping[str, Any], space: Space, base: DictConfig) -> dict[str, Any]:
    """The part of a suggestion that is searched, if the study stands where the rest says."""
    rest = {key: value for key, value in point.items() if key not in space.distributions}
    choices = base.hydra.runtime.choices
    for key, value in rest.items():
        here = choices.get(key, OmegaConf.select(base, key))
        if here != value:
            raise UserError(f"{key}={value} is not searched, and here {key}={here}")
    return {key: value for key, value in point.items() if key not in rest}


def check_key(key: str) -> None:
    """Refuse to search what no trial reads, or what makes trials incomparable.

    Raises:
        UserError: saying what to do instead.
    """
    part = key.lstrip("+").split("@")[0].split("/")[0].split(".")[0]
    if part == "seed":
        raise UserError(
            "a sweep derives each trial's seed from study.seed: set that in place of seed"
        )
    if part == "data":
        raise UserError(
            f"{key} cannot be searched: trials on different images cannot be compared; sweep once "
            "for each"
        )
    if part not in PARTS:
        known = [p for p in PARTS if p != "data"]
        raise UserError(
            f"{key} cannot be searched, a trial does not read it: {near_miss(part, known)}"
        )


def check_branches(
    context: HydraContext,
    config: DictConfig,
    fixed: list[str],
    space: Space,
    settings: Mapping[str, Any],
) -> tuple[Run, int]:
    """Compose every branch of the space and make each of its parts once; returns the last run, and
    how many branches there are.

    Raises:
        UserError: naming the branch and what is wrong in it.
    """

    def made(overrides: list[str]) -> Run:
        run = build(composition.compose(context.config_loader, config, [*fixed, *overrides]))
        check(run)
        return run

    run, count = None, 0
    for count, params in enumerate(space.branches(settings=settings), start=1):  # noqa: B007
        overrides = space.overrides(params)
        try:
            run = made(overrides)
        except UserError as error:
            raise UserError(_placed(error, overrides, made)) from error
    assert run is not None  # a space has at least one branch
    return run, count


def _placed(error: UserError, overrides: list[str], made: Callable[[list[str]], Run]) -> str:
    """The error with its branch, unless it is there without any branch."""
    try:
        made([])
    except UserError as general:
        if str(general) == str(error):
            return str(error)
    return f"{error} (found at {', '.join(overrides)})"


def describe(spec: Spec, run: Run) -> Spec:
    """The specification with what only the parts know: N, M, the data's digest, the reference."""
    vae = run.vae()
    _check_metrics(spec.objectives, run)
    reference = spec.reference or _reference(spec.objectives, run, vae.latents)
    return replace(
        spec,
        reference=reference,
        pixels=run.data.dims,
        latents=vae.latents,
        data_digest=run.data.digest,
    )


def _check_metrics(objectives: Mapping[str, str], run: Run) -> None:
    try:
        names = run.metric_names()
    except UserError:
        raise
    except Exception as error:  # of a model or a metric of the user's own
        what = f"{type(error).__name__}: {one_line(error)[:300]}"
        raise UserError(f"the model cannot evaluate an example of the data: {what}") from error
    known = [f"{split}/{name}" for split in ("val", "test") for name in names]
    for metric in objectives:
        if metric not in known:
            raise UserError(
                f"study.objectives: no run has the metric {metric}: {near_miss(metric, known)}"
            )


def _reference(objectives: Mapping[str, str], run: Run, latents: int) -> list[float]:
    """The worst values of interest: those of a collapsed VAE, a rate that no latent needs, and 0
    of what is better the more of it there is."""
    data = run.data
    train, val = data.examples("train", EXAMPLES), data.examples("val")
    floor = zero_rate(run.likelihood(), train, val, data.log_volume)
    floor["rate"] = REFERENCE_RATE_PER_LATENT * latents
    reference = []
    for metric, way in objectives.items():
        split, _, name = metric.partition("/")
        if way == "maximize" and direction(name) == "maximize":
            reference.append(0.0)
        elif way == "minimize" and split == "val" and name in floor:
            reference.append(floor[name])
        else:
            raise UserError(
                f"study.reference must be given where '{way} {metric}' is an objective: one number "
                "per objective, the worst values of interest"
            )
    return reference
