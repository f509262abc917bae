"""The standing of a trained run: its history at its final β, and the weights that were kept."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from betafront.metrics.evaluation import Evaluation
from betafront.metrics.scale_off import too_far
from betafront.objective import Objective
from betafront.training.history import (
    STEP,
    TRAIN_BETA,
    TRAIN_DISTORTION,
    TRAIN_LOSS,
    TRAIN_RATE,
    Row,
    validated,
)
from betafront.training.result import OnTheScale
from betafront.training.standing import Standing
from betafront.training.state import RunState
from betafront.training.validation.best import CLOSE, why_unknown
from betafront.training.validation.curve import SURE_OF_LEAST, Curve, Value
from betafront.training.validation.judging import Kept, judge
from betafront.training.validation.validations import Validations

SLOW = 0.1
"""The part of the greatest learning rate below which a run falls little, trained enough or not."""


def standing_of(
    state: RunState, kept: int, evaluation: Evaluation, scale: OnTheScale, off: float | None
) -> Standing:
    """How a run stands.

    Args:
        state: of the run, after its last step.
        kept: the step of the weights that were evaluated.
        evaluation: of these, on the validation split.
        scale: where they stand on the one scale.
        off: what `betafront.metrics.scale_off` found of them.
    """
    rows = _at_the_end(state, scale)
    weights = Kept(
        step=kept,
        steps=state.step,
        how="best" if _had_a_choice(state) else "last",
        rate=evaluation.values["rate"],
        dead=tuple(np.flatnonzero(~evaluation.active.numpy()).tolist()),
        latents=len(evaluation.active),
    )
    notes = _notes(state, scale)
    if state.objective.draws == 1:  # the best scale for several is below the error of all alike
        notes.append(too_far(off))
    # What is best under free bits goes by β as written, with what they count in place of R.
    beta = scale.beta if why_unknown(state.objective) else state.beta
    curve = _curve(rows, state.history, beta, state.objective)
    curve = replace(curve, lost=_lost(state, rows, beta))
    found = judge(curve, weights, "; ".join(filter(None, notes)))
    error = evaluation.settings.get("rate_error")
    return replace(found, scale_off=off, rate_error=None if error is None else float(error))


def _had_a_choice(state: RunState) -> bool:
    """Whether the best step is one of several."""
    return state.best is not None and len(state.final_validations.steps) > 1


def _at_the_end(state: RunState, scale: OnTheScale) -> Validations:
    """The validations at which β and the targets were those of the end: under a controller those
    since β is within two standard deviations of its mean over the last tenth of the steps."""
    if not why_unknown(state.objective):
        return state.final_validations
    if scale.beta_spread is None:  # a capacity whose β could not be read from the model
        return state.validations.after(state.step)
    first = state.final
    if state.objective.controller.closed:
        room = max(2 * scale.beta_spread, CLOSE * scale.beta)
        off = [r[STEP] for r in state.history if abs(r[TRAIN_BETA] - scale.beta) > room]
        first = max([first, *map(int, off)])
    return state.validations.after(first)


def _curve(rows: Validations, history: Sequence[Row], beta: float, objective: Objective) -> Curve:
    """What is judged, at `beta`."""
    known = {int(row[STEP]): row for row in history}
    there = [known[step] for step in rows.steps]
    value = np.array(rows.values(beta))
    if objective.weighs_one_beta:
        training = np.array([row[TRAIN_DISTORTION] + beta * row[TRAIN_RATE] for row in there])
        gap = np.array([validated(row, beta) for row in there]) - training
    else:  # the loss of training has the penalties too, as `value` has
        training = np.array([row[TRAIN_LOSS] / objective.weights.distortion for row in there])
        gap = value - training
    return Curve(
        step=np.array(rows.steps, dtype=float),
        value=value,
        each=rows.values_of_each(beta).numpy(),
        training=training,
        gap=gap,
        examples=rows.examples,
        what=objective.minimised,
    )


def _lost(state: RunState, rows: Validations, beta: float) -> Value | None:
    """By how much D + βR at the first of `rows` exceeds its least value before, at the same β; None
    where no validation was before."""
    every = state.validations
    first = len(every.steps) - len(rows.steps)
    if why_unknown(state.objective) or not first or not rows.steps:
        return None
    values, each = every.values(beta), every.values_of_each(beta).numpy()
    least = int(np.argmin(values[:first]))
    error = float((each[first] - each[least]).std(ddof=1) / np.sqrt(every.examples))
    return Value(float(values[first] - values[least]), error, SURE_OF_LEAST)


def _notes(state: RunState, scale: OnTheScale) -> list[str]:
    """What else is to be said of the history or of the weights that were kept."""
    notes = []
    if missing := len(state.history) - len(state.validations.steps):
        notes.append(f"the first {missing} validations are of an earlier version of betafront")
    if scale.beta_spread is None and state.objective.shaping.hides_beta:
        notes.append("the β of the model could not be read from it")
    if state.wants_best and not _had_a_choice(state):
        late = "β came to its final value at the end alone"
        why = why_unknown(state.objective) or late
        notes.append(f"the last weights were kept, since {why}")
    if state.learning_rate is not None and (part := state.learning_rate.part) < SLOW:
        notes.append(
            f"its learning rate came down to {part:.2g} of the greatest, where any run settles: "
            f"more steps, with a schedule as long, may still bring {state.objective.minimised} down"
        )
    if state.step < state.steps:
        what = "its patience" if state.spent else "a callback"
        notes.append(f"{what} ended it before the planned {state.steps:,} steps")
    return notes
