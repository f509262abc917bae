"""A plan: what a sweep is asked for, read, composed and checked as far as that needs no tensor.

So a misspelt key, an impossible search or an unknown sampler is refused before torch is imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from betafront.addresses import masked, refuse_passwords
from betafront.config.compose import Composer
from betafront.config.former import lacking, moved, of_choices
from betafront.config.overrides import parse
from betafront.config.parts import PARTS
from betafront.errors import UserError, near_miss
from betafront.study.search.automatic import ANY, AUTOMATIC, is_automatic
from betafront.study.search.conditions import Conditions, Lines, decide, flatten
from betafront.study.search.enumeration import branches, grid
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.spec_of_config import listed, specify

if TYPE_CHECKING:
    from betafront.forecast.forecast import Forecast


@dataclass(frozen=True)
class Plan:
    """What a sweep is asked for.

    Attributes:
        context, config: Hydra's, with which workers are launched.
        composer: composes the trials.
        space: what the trials differ in.
        base: the configuration without the space.
        spec: of the study; what only the parts of a run know is there once the plan was checked
            (`betafront.study.branch_check`).
        branches: the overrides of each branch of the space (`study.search.enumeration.branches`).
        left_out: suggestions that are not points of the space, with the reason.
        cautions: about the data, a sentence each; there once the plan was checked.
        one_floor: whether all trials have one likelihood and one number of latents, so that one
            linear-Gaussian front is theirs; known once the plan was checked.
        forecast: that of all trials, where the range of the weight asked for it; else None.
    """

    context: HydraContext
    config: DictConfig
    composer: Composer
    space: Space
    base: DictConfig
    spec: Spec
    branches: list[list[str]]
    left_out: list[str]
    cautions: Sequence[str] = ()
    one_floor: bool = False
    forecast: "Forecast | None" = None


def read_plan(context: HydraContext, config: DictConfig, arguments: list[str]) -> Plan:
    """Read the space and the settings of a sweep, and compose every branch.

    Args:
        context: Hydra's, to compose trials with.
        config: composed for a multirun.
        arguments: overrides of the command line.

    Raises:
        UserError: naming what is wrong and the way out.
    """
    fixed, lines, conditions = split_arguments(arguments, config)
    space = _space(lines, conditions, listed(config.study.constraints))
    composer = Composer(context.config_loader, config, fixed)
    base = composer.base()
    refuse_passwords(base)
    of_this_call = ("hydra.mode", "hydra.sweeper.")
    launch_choices = [o for o in config.hydra.overrides.hydra if not o.startswith(of_this_call)]
    command = [masked(w) if "://" in w else w for w in (*launch_choices, *arguments)]
    spec = replace(specify(base, space, lines), command=command, conditions=conditions)
    return _planned(context, config, composer, space, base, spec)


def with_search(plan: Plan, key: str, search: str) -> Plan:
    """The plan with another search of one of its parameters.

    Args:
        plan: of a study.
        key: of the parameter, as in `Spec.space`.
        search: in its place, in Hydra's grammar.

    Raises:
        UserError: the points to be tried first are not within the search.
    """
    lines, conditions = plan.spec.space | {key: search}, plan.spec.conditions
    space = _space(lines, conditions, plan.spec.constraints)
    spec = specify(plan.base, space, lines)
    spec = replace(spec, command=plan.spec.command, conditions=conditions)
    return _planned(plan.context, plan.config, plan.composer, space, plan.base, spec)


def _space(lines: Lines, conditions: Conditions, constraints: Sequence[Any]) -> Space:
    searches = {key: ANY if is_automatic(key, line) else line for key, line in lines.items()}
    written = (f"{key}={search}" for key, search in searches.items())
    return Space.parse(written, conditions, [str(c) for c in constraints])


def _planned(
    context: HydraContext,
    config: DictConfig,
    composer: Composer,
    space: Space,
    base: DictConfig,
    spec: Spec,
) -> Plan:
    space.check_constraints(spec.base)
    branches = composed_branches(composer, space, spec)
    queue, left_out = read_queue(base, space, spec)
    if spec.sampler == "grid":
        queue = [*queue, *(p for p in grid(space, spec.base) if p not in queue)]
        spec = replace(spec, trials=min(spec.trials, len(queue)))
    spec = replace(spec, queue=queue)
    return Plan(context, config, composer, space, base, spec, branches, left_out)


def as_begun(plan: Plan, settings: Mapping[str, Any]) -> Plan:
    """The plan for going on with a study that was stored with `settings`: what its version did not
    have, or had with another default, stays as it was then, unless the command line gives it.

    Args:
        plan: of a study, read with the defaults of today.
        settings: `Spec.base` as it is stored.
    """
    given = {override.key_or_group for override in parse(plan.composer.fixed)}
    now = {key: value for key, value in plan.spec.base.items() if key not in given}
    absent = {key: value for key, value in lacking(settings).items() if key in now}
    other = moved(settings, now)
    if not absent and not other:
        return plan
    words = [f"{k}={'null' if v is None else v}" for k, v in (absent | other).items()]
    fixed, defaults = [*plan.composer.fixed, *words], of_choices(settings) if absent else {}
    composer = Composer(plan.context.config_loader, plan.config, fixed, defaults)
    stored = {k: v for k, v in (plan.spec.base | other).items() if k not in absent}
    spec = replace(plan.spec, base=stored)
    return replace(plan, composer=composer, base=composer.base(), spec=spec)


def composed_branches(composer: Composer, space: Space, spec: Spec) -> list[list[str]]:
    """The overrides of every branch of the space, each composed once; what is `auto` stands there
    as that.

    Raises:
        UserError: naming the branch and what is wrong in it.
    """
    automatic = {k: AUTOMATIC for k, search in spec.space.items() if is_automatic(k, search)}
    points = branches(space, settings=spec.base)
    every = [space.overrides({**params, **automatic}) for params in points]
    for overrides in every:
        try:
            composer(overrides)
        except UserError as error:
            raise UserError(f"{error} (found at {', '.join(overrides)})") from error
    return every


def split_arguments(
    arguments: list[str], config: DictConfig
) -> tuple[list[str], Lines, Conditions]:
    """The overrides that hold for every trial, the search space line by line, and the conditions
    under which its parameters are there.

    A sweep on the command line joins or replaces the study's own; a plain value there takes its
    parameter out of the search, and decides the conditions that read it.

    Raises:
        UserError: a parameter cannot be searched; or none is, and the budget is not the one trial
            that there is without.
    """
    overrides = parse(arguments)
    space = _plain(config.study.space) or {}
    if not isinstance(space, dict):
        raise UserError(
            f"study.space has a search for each parameter, and is {space}: write them as "
            "'objective.weight=interval(0.01,10)' on the command line, or in study.yaml"
        )
    lines, conditions = flatten(space)
    fixed = []
    for text, override in zip(arguments, overrides, strict=True):
        key = override.get_key_element()
        if override.is_sweep_override():
            lines[key] = text.split("=", 1)[1]
        elif is_automatic(key, override.value()):
            lines[key] = AUTOMATIC
        else:
            lines.pop(key, None)
            conditions.pop(key, None)
            if not override.is_delete():
                decide(key, text, lines, conditions)
            fixed.append(text)
    for key in [*lines, *(o.key_or_group for o in overrides if o.key_or_group == "seed")]:
        check_key(key)
    if not lines and config.study.budget.trials != 1:
        raise UserError(
            "there is nothing to search: name a study (study=weighting), or give a parameter more "
            "than one value, as in 'objective.weight=tag(log,interval(0.01,10))' or in "
            "objective.weight=auto, which searches the range that `betafront forecast` names; a "
            "study of one trial, as of model=multirate, has study.budget.trials=1"
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
    name = key.lstrip("+").split("@")[0].split("/")[0]
    part = name.split(".")[0]
    if part == "seed":
        raise UserError(
            "a sweep derives each trial's seed from study.seed: set that in place of seed"
        )
    # Augmentation is of training: what trials are evaluated on stays the same.
    if part == "data" and name.split(".")[:2] != ["data", "augment"]:
        raise UserError(
            f"{key} cannot be searched: trials on different data cannot be compared; sweep once "
            "for each"
        )
    if part not in PARTS:
        known = [p for p in PARTS if p != "data"]
        raise UserError(
            f"{key} cannot be searched, a trial does not read it: {near_miss(part, known)}"
        )
