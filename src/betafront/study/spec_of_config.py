"""The specification of a study in its configuration: budgets, objectives and settings, checked."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from betafront.config.parts import ADDED, PARTS
from betafront.errors import UserError, near_miss
from betafront.front.table import DISTORTION, PLANE, RATE
from betafront.metrics.catalogue import direction, needing_one_likelihood
from betafront.study.gpus import devices_of, visible
from betafront.study.search.distributions import values
from betafront.study.search.grammar import name_of
from betafront.study.search.samplers import check_sampler
from betafront.study.search.space import Space
from betafront.study.spec import AUTO, EPOCHS, OFF, PRUNERS, STEPS, Spec

MOST_BYTES = 255  # of the name of a file or folder, on nearly every system
DIRECTIONS = ("minimize", "maximize")
LEAST_LEASE = 5.0  # seconds; the clocks of all machines must agree better than half of a lease
FURTHER = "metrics.further."  # a metric is there also where it has no settings


def specify(config: DictConfig, space: Space, lines: Mapping[str, str]) -> Spec:
    """The specification in a composed configuration.

    Args:
        config: without the search space applied.
        space: parsed.
        lines: parameter to the sweep as written.

    Raises:
        UserError: a budget, an objective or a sampler will not do.
    """
    study = config.study
    for key, least in (
        ("budget.trials", 1), ("workers", 1), ("seed", 0), ("replicates", 1), ("retries", 0),
    ):  # fmt: skip
        _check_whole(f"study.{key}", OmegaConf.select(study, key), least)
    _check_stack(study.stack)
    if study.budget.steps is not None:
        _check_whole("study.budget.steps", study.budget.steps, 1)
    for key in ("budget.seconds", "budget.trial_seconds"):
        _check_positive(f"study.{key}", OmegaConf.select(study, key))
    _check_max_failures(study.max_failures)
    _check_lease(study.lease)
    if not isinstance(study.fail_fast, bool):
        raise UserError(f"study.fail_fast must be true or false, not {study.fail_fast}")
    check_sampler(str(study.sampler))
    name = study_name(study.name)
    objectives = read_objectives(listed(study.objectives))
    reference = None if study.reference is None else listed(study.reference)
    if reference is not None and not (
        len(reference) == len(objectives) and all(map(_is_number, reference))
    ):
        raise UserError(
            "study.reference is a list of one number per objective, as in study.reference="
            f"[{','.join('100' for _ in objectives)}], not {study.reference}"
        )
    spec = Spec(
        name=name,
        question=study.question or "",
        objectives=objectives,
        space=dict(lines),
        space_digest=space.digest,
        base=base(config, space),
        sampler=study.sampler,
        seed=study.seed,
        trials=study.budget.trials,
        workers=_workers(study, devices_of(config)),
        folder=str(Path(config.hydra.sweep.dir).absolute()),
        tracking=_container(config.tracking),
        reference=None if reference is None else [float(number) for number in reference],
        constraints=[str(c) for c in listed(study.constraints)],
        seconds=study.budget.seconds,
        trial_seconds=study.budget.trial_seconds,
        replicates=study.replicates,
        retries=study.retries,
        lease=float(study.lease),
        fail_fast=study.fail_fast,
        max_failures=study.max_failures,
        pruner=pruner(study.get("pruner", OFF)),
        stack=study.stack,
        steps=study.budget.steps,
    )
    check_pruner(spec)
    if over := needing_one_likelihood(objectives):
        searched = space.distributions.get("likelihood")
        _check_likelihoods(spec, over[0], values(searched) if searched else [])
    return spec


def pruner(written: Any) -> str:
    """The name of a pruner as a study has it.

    Raises:
        UserError: there is none of that name.
    """
    name = OFF if written is False or written is None else str(written)  # YAML reads off as false
    if name not in PRUNERS:
        raise UserError(f"study.pruner={name} is unknown: {near_miss(name, PRUNERS)}")
    return name


def check_pruner(spec: Spec) -> None:
    """Refuse to prune where runs are not compared as the rule compares them.

    Raises:
        UserError: naming the way out.
    """
    if spec.pruner == OFF:
        return
    why = ""
    if spec.objectives != PLANE:
        why = f"looks at D and R, so that it needs study.objectives=[{RATE},{DISTORTION}]"
    elif spec.replicates > 1:
        why = f"stops single runs, and study.replicates={spec.replicates}"
    elif any(name_of(key) in (STEPS, EPOCHS) for key in spec.space):
        why = f"compares runs after as many steps, and {STEPS} or {EPOCHS} is searched"
    if why:
        raise UserError(f"study.pruner={spec.pruner} {why}: leave study.pruner at off")


def study_name(written: Any) -> str:
    """The name of a study, which is that of a folder and of an experiment, and a word on command
    lines.

    Args:
        written: the value of study.name.

    Raises:
        UserError: it can be none of these.
    """
    if written is None:
        raise UserError(
            "study.name=null is no name: leave it out, or write \"study.name='null'\" for that word"
        )
    name = str(written)
    if not name.strip() or "/" in name or name.startswith(".") or any(map(_is_control, name)):
        raise UserError(
            f"study.name names a folder, and {name!r} cannot: leave out /, a first ., and line "
            "breaks"
        )
    if (size := len(os.fsencode(name))) > MOST_BYTES:
        raise UserError(
            f"study.name names a folder, and has {size} bytes, of which a folder's name may have "
            f"{MOST_BYTES}: shorten '{name[:20]}…'"
        )
    return name


def _is_control(character: str) -> bool:
    """Whether it is a line break or the like, or half of a character."""
    return unicodedata.category(character) in ("Cc", "Cs")


def _workers(study: DictConfig, devices: int) -> int:
    """How many workers are launched here, with runs on so many devices; who only looks at a study
    may have no GPU."""
    if study.workers_per_gpu is None:
        return int(study.workers)
    _check_whole("study.workers_per_gpu", study.workers_per_gpu, 1)
    return int(study.workers_per_gpu) * len(visible()) // devices or int(study.workers)


def _check_whole(key: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{key} must be a whole number of at least {least}, not {value}")


def _check_stack(value: Any) -> None:
    if value != AUTO:
        _check_whole("study.stack", value, 1)


def listed(value: Any) -> list[Any]:
    """The list that a setting holds; of what is no list, or nothing, the list of that alone."""
    if OmegaConf.is_list(value):
        return list(value)
    return [] if value is None else [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_positive(key: str, value: Any) -> None:
    if value is not None and not (_is_number(value) and 0 < value < float("inf")):
        raise UserError(f"{key} must be a number of seconds above 0, or null, not {value}")


def _check_lease(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and LEAST_LEASE <= value < float("inf")):
        raise UserError(
            f"study.lease must be a number of seconds of at least {LEAST_LEASE:g}, not {value}"
        )


def _check_max_failures(value: Any) -> None:
    if value is not None and not (
        _is_number(value) and (0 <= value < 1 or value == int(value) >= 1)
    ):
        raise UserError(
            f"study.max_failures must be a number of trials, a part of them below 1, or null, not "
            f"{value}"
        )


def _check_likelihoods(spec: Spec, objective: str, likelihoods: Sequence[Any]) -> None:
    """Refuse to compare `objective` across likelihoods that have it in different units."""
    if spec.searches_total:
        raise UserError(
            f"likelihood.total is searched, and {objective} for a given total cannot be compared "
            "with that of the counts themselves: choose one of them, or use "
            "study.objectives=[val/rate,val/mse]"
        )
    if not spec.one_scale:
        raise UserError(
            f"likelihood is searched, and {objective} of a density cannot be compared with that of "
            "a mass or of another density: use study.objectives=[val/rate,val/mse], or "
            "data.dequantize=true, which makes all of them bounds on the log mass of the discrete "
            "images (of counts, likelihoods other than multinomial compare as they are)"
        )
    if "bernoulli" in likelihoods:
        raise UserError(
            f"likelihood=bernoulli has no place in a comparison by {objective}: of dequantised "
            "images it is cross-entropy, which bounds no log mass; search likelihood=categorical "
            "in its place"
        )


def read_objectives(written: list[str]) -> dict[str, str]:
    """Metric to direction, from a list of `NAME`, `minimize NAME` or `maximize NAME`; a name alone
    goes the way that is better (`betafront.metrics.catalogue`).

    Raises:
        UserError: there are not two or three, or one is written in another way.
    """
    objectives = {}
    for text in written:
        way, _, metric = str(text).rpartition(" ")
        if way not in ("", *DIRECTIONS):
            raise UserError(
                f"study.objectives: '{text}' should be NAME, minimize NAME or maximize NAME"
            )
        objectives[metric] = way or direction(metric)
    if len(objectives) not in (2, 3):
        named = ", ".join(map(str, written)) or "none"
        raise UserError(
            f"study.objectives must name two or three metrics, not {len(objectives)} ({named}): "
            "as in 'study.objectives=[val/rate,val/distortion]'"
        )
    return objectives


def base(config: DictConfig, space: Space) -> dict[str, Any]:
    """What decides a trial's result beside the searched parameters, as dotted keys.

    Left out are the searched keys themselves, everything below a group that is searched, where data
    lies (its digest says what it is), and how often a run checkpoints.
    """
    flat: dict[str, Any] = {}
    for part in PARTS:
        # As written, where it refers to others: ${trainer.steps} is that of each trial.
        _flatten(_container(config[part], resolve=part not in ADDED), part, flat)
    searched = tuple(map(name_of, space.distributions))
    if flat.get(EPOCHS) is not None or EPOCHS in searched:
        flat[STEPS] = None  # known with the data (`betafront.study.branch_check`)
    elsewhere = (
        "data.root",
        "data.download",
        "data.path",
        "data.labels",
        "data.total",
        "trainer.checkpoint_seconds",
    )
    return {
        key: value
        for key, value in flat.items()
        if key not in elsewhere and not any(_below(key, s) for s in searched)
    }


def _below(key: str, parent: str) -> bool:
    return key == parent or key.startswith(f"{parent}.")


def _flatten(node: Any, prefix: str, into: dict[str, Any]) -> None:
    if isinstance(node, dict) and not (prefix.startswith(FURTHER) and not node):
        for key, value in node.items():
            _flatten(value, f"{prefix}.{key}", into)
    else:
        into[prefix] = node


def _container(node: DictConfig, resolve: bool = True) -> Any:
    return OmegaConf.to_container(node, resolve=resolve)
