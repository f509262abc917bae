"""Judging how a run stands, from the validated history of its objective at the final β.

A verdict needs a change of D + βR to exceed its standard error, that of paired examples and of the
jitter from row to row, and a tolerance (`curve`).
"""

from dataclasses import dataclass

from betafront.training.standing import (
    COLLAPSED,
    DEAD_RATE,
    OVERFITTED,
    SETTLED,
    STILL_FALLING,
    UNKNOWN,
    UNSTABLE,
    Standing,
)
from betafront.training.validation.curve import (
    LEAST_ROWS,
    Curve,
    Value,
    falling_by,
    jump,
    over_least,
)


@dataclass(frozen=True)
class Kept:
    """The weights of a run that were kept.

    Attributes:
        step: after which they stood.
        steps: that the run took.
        how: `best` or `last`.
        rate: R of the validation split with them, in nats.
        dead: the latents that are not active (`active_threshold` of the metrics).
        latents: M.
    """

    step: int
    steps: int
    how: str
    rate: float
    dead: tuple[int, ...] | None
    latents: int


def judge(curve: Curve, kept: Kept, note: str = "") -> Standing:
    """How a run stands.

    Args:
        curve: its history at the final β.
        kept: the weights that were kept.
        note: what else is to be said of the history or of these weights; may be empty.
    """
    falling = over = None
    curve = curve.finite()
    state, reason = UNKNOWN, _too_short(curve)
    if len(curve) >= LEAST_ROWS:
        falling, over = falling_by(curve), over_least(curve)
        state, reason = _state(curve, kept, falling, over)
    return Standing(
        state=state,
        reason=f"{reason}; {note}" if note else reason,
        step=kept.step,
        steps=kept.steps,
        kept=kept.how,
        falling=falling.nats if falling else None,
        falling_error=falling.error if falling else None,
        over=over.nats if over else None,
        over_error=over.error if over else None,
        since=int(curve.step[curve.best]) if over and over.matters else None,
        gap=float(curve.gap[-1]) if len(curve) else None,
        dead=kept.dead,
    )


def _state(curve: Curve, kept: Kept, falling: Value, over: Value) -> tuple[str, str]:
    """The state of a run whose history is long enough, and why."""
    if kept.rate < DEAD_RATE:
        return COLLAPSED, _collapsed(curve, kept, falling)
    if (off := jump(curve)) is not None:
        return UNSTABLE, (
            f"{curve.what} jumped by {off.value} at step {off.step:,}, more than its noise"
        )
    if over.matters:
        return _risen(curve, kept, over)
    trend = f"{curve.what} falls by {falling} with each doubling of the steps"
    return (STILL_FALLING, trend) if falling.matters else (SETTLED, trend)


def _risen(curve: Curve, kept: Kept, over: Value) -> tuple[str, str]:
    """The state of a run whose J at the last row is above its least value, and why.

    Where J was lower before β was final, in a ramp of too many steps, the weights of the best row
    are overfitted themselves.
    """
    best, last = (f"{int(step):,}" for step in (curve.step[curve.best], kept.steps))
    if curve.training[-1] >= curve.training[curve.best]:
        return UNSTABLE, (
            f"{curve.what} rose by {over} from step {best} to step {last}, on training too"
        )
    rose = f"{curve.what} on validation rose by {over}"
    gap = f"it is {curve.gap[-1]:.3g} nats above training at the end"
    if curve.lost and curve.lost.matters and curve.best == 0:
        return OVERFITTED, (
            f"before β was final {curve.what} on validation was lower by {curve.lost} than at "
            f"step {best}, from where it rose by {over} to step {last}, and {gap}"
        )
    if kept.how == "best":
        since = f"from there {rose} to step {last}"
        return SETTLED, f"the weights are those of step {best}: {since}, and {gap}"
    return OVERFITTED, f"{rose} from step {best} to step {last} while it fell on training: {gap}"


def _too_short(curve: Curve) -> str:
    were = "validation was" if len(curve) == 1 else "validations were"
    return f"{len(curve)} {were} made at the final β, and {LEAST_ROWS} are needed to judge the run"


def _collapsed(curve: Curve, kept: Kept, falling: Value) -> str:
    trend = f"; {curve.what} falls by {falling} with each doubling of the steps"
    dead = f"R is {kept.rate:.2g} nats: none of the {kept.latents} latents says anything"
    return dead + trend if falling.matters else dead
