"""Checking a plan: every branch is made once before anything is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from betafront.config.begun import build_to_train
from betafront.config.build import check
from betafront.data import data_cautions
from betafront.errors import UserError, near_miss
from betafront.metrics.catalogue import direction
from betafront.metrics.zero_rate import EXAMPLES, zero_rate
from betafront.models import model_cautions
from betafront.objective import Objective
from betafront.own_modules import cause
from betafront.study.forecast_range import with_range
from betafront.study.plan import Plan
from betafront.study.pruning.trained_line import why_none
from betafront.study.scout.family import check_scout
from betafront.study.search.grammar import name_of
from betafront.study.spec import EPOCHS, OFF, STEPS, Spec
from betafront.training.recipe.trainer import epochs_in_words
from betafront.training.run import EVALUATED, Run

# The rate beyond which the hypervolume counts nothing, per latent: at 5 nats a posterior is 150
# times narrower than its prior, tighter than any use of a latent that we know of.
REFERENCE_RATE_PER_LATENT = 5.0

OF_AN_EPOCH = ("trainer", "trainer.batch_size", "trainer.accumulate")
"""Settings of which the optimiser steps of an epoch depend."""


def checked(plan: Plan) -> Plan:
    """The plan with what only the parts of a run know, once every part of every branch was made.

    Raises:
        UserError: naming the branch and what is wrong in it.
    """
    composer = plan.composer

    def made(overrides: list[str]) -> Run:
        run = build_to_train(composer(overrides))
        check(run)
        return run

    def branch(overrides: list[str]) -> Run:
        try:
            return made(overrides)
        except UserError as error:
            raise UserError(_placed(error, overrides, made)) from error

    plan = with_range(plan, branch)
    of_models, widths = list[str](), set[tuple[int, ...]]()
    for overrides in plan.branches:
        run = branch(overrides)
        vae = run.vae()
        of_models += model_cautions(vae)
        check_line(plan.spec, run.objective_of(vae), overrides)
        widths.add(tuple(vae.widths))
    cautions = [*data_cautions(run.data), *dict.fromkeys(of_models)]
    one_floor = len(widths) == 1 and not any(map(_of_likelihood, plan.spec.space))
    spec = describe(plan.spec, run)
    plan = replace(plan, spec=spec, cautions=cautions, one_floor=one_floor)
    check_scout(plan)
    return plan


def check_line(spec: Spec, objective: Objective, overrides: Sequence[str]) -> None:
    """Refuse to prune runs that train no line of D and R.

    Raises:
        UserError: naming the branch, and why.
    """
    if spec.pruner != OFF and (why := why_none(objective)):
        where = f" (found at {', '.join(overrides)})" if overrides else ""
        raise UserError(
            f"study.pruner={spec.pruner} compares runs by the D + βR that they train, and {why}: "
            f"leave study.pruner at off{where}"
        )


def _of_likelihood(key: str) -> bool:
    """Whether a searched parameter is the likelihood, or a setting of it."""
    return name_of(key).partition(".")[0] == "likelihood"


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
    reference = spec.reference or _reference(spec.objectives, run, vae.widths)
    return replace(
        spec,
        base=_with_steps(spec, run),
        reference=reference,
        pixels=run.data.dims,
        latents=vae.latents,
        data_digest=run.data.digest,
    )


def _with_steps(spec: Spec, run: Run) -> dict[str, Any]:
    """The settings of the study, with the optimiser steps that its epochs are, where those are the
    same for all trials."""
    searched = any(key in spec.space for key in OF_AN_EPOCH)
    if spec.base.get(EPOCHS) is None or searched:
        return spec.base
    return spec.base | {STEPS: run.trainer.steps}


def length_in_words(spec: Spec) -> str:
    """How many optimiser steps the epochs of a checked study are; empty where it has none, or where
    that differs from trial to trial."""
    epochs, steps = spec.base.get(EPOCHS), spec.base.get(STEPS)
    return epochs_in_words(epochs, steps) if epochs is not None and steps is not None else ""


def _check_metrics(objectives: Mapping[str, str], run: Run) -> None:
    try:
        names = run.metric_names()
    except UserError:
        raise
    except Exception as error:  # of a model or a metric of the user's own
        raise UserError(
            f"the model cannot evaluate an example of the data: {cause(error)}"
        ) from error
    known = [f"{split}/{name}" for split in EVALUATED for name in names]
    for metric in objectives:
        if metric not in known:
            raise UserError(
                f"study.objectives: no run has the metric {metric}: {near_miss(metric, known)}"
            )


def _reference(objectives: Mapping[str, str], run: Run, widths: Sequence[int]) -> list[float]:
    """The worst values of interest, from which the hypervolume is measured: those of a collapsed
    VAE, a rate that no latent needs, and 0 for a metric that is maximised."""
    data = run.data
    train, val = data.examples("train", EXAMPLES), data.rows("val")
    floor = zero_rate(run.p_x(), train, val, data.log_volume)
    floor["rate"] = REFERENCE_RATE_PER_LATENT * sum(widths)
    for i, width in enumerate(widths, 1):
        floor[f"rate_layer_{i}"] = REFERENCE_RATE_PER_LATENT * width
    reference = []
    for metric, way in objectives.items():
        split, _, name = metric.partition("/")
        if name.startswith("iwae_"):  # of a collapsed VAE every draw has the weight of p(x)
            name = "perplexity" if name.startswith("iwae_perplexity_") else "distortion"
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
