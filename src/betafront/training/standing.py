"""How a finished run stands: whether its training was long enough, too long, or came to nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from betafront.training.cause import Cause

STILL_FALLING, SETTLED, OVERFITTED = "still falling", "settled", "overfitted"
UNSTABLE, COLLAPSED, UNKNOWN = "unstable", "collapsed", "unknown"

DEAD_RATE = 0.05
"""Nats of R on the validation split below which the latents say nothing of their input."""

STATES = (UNSTABLE, OVERFITTED, STILL_FALLING, COLLAPSED, UNKNOWN, SETTLED)
"""Every state, from the one that weighs most in a trial of several runs to the one that weighs
least."""

UNSETTLED = (UNSTABLE, OVERFITTED, STILL_FALLING)
"""The states of runs whose values say little of their β: other training would change them."""


@dataclass(frozen=True)
class Standing:
    """How a run stands, judged from the validated history of D + βR at its final β.

    The state is that of the weights that were kept: where those of the best validated step were,
    later steps that overfit do not make the run overfitted.

    Attributes:
        state: one of `STATES`.
        reason: why, in one sentence with its numbers.
        step: the optimiser step of the weights that were kept and evaluated.
        steps: optimiser steps taken.
        kept: `best` or `last`: which weights were kept.
        falling: nats of D + βR by which another doubling of the steps would improve the run, by the
            end of its history; None where the history is too short.
        falling_error: the standard error of `falling`.
        over: nats by which D + βR at the last step exceeds its least validated value.
        over_error: the standard error of `over`.
        since: the step of the least validated value, where `over` is more than noise.
        gap: D + βR on validation less that on training at the last step, in nats.
        dead: the latents whose KL is below the threshold of active units; None where not known.
        scale_off: the scale of a Gaussian or Laplace over the root mean squared (or mean absolute)
            error on the training split, less 1; None for other likelihoods.
        rate_error: the standard error of a sampled R over the draws of z, in nats; None where R has
            a closed form.
        cause: of a collapsed run, why it has collapsed; None where that is not known.
    """

    state: str
    reason: str
    step: int
    steps: int
    kept: str
    falling: float | None = None
    falling_error: float | None = None
    over: float | None = None
    over_error: float | None = None
    since: int | None = None
    gap: float | None = None
    dead: tuple[int, ...] | None = None
    scale_off: float | None = None
    rate_error: float | None = None
    cause: Cause | None = None

    def written(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, written: Mapping[str, Any] | None) -> "Standing | None":
        """What `written` returned, in this version or another; None where nothing was recorded."""
        if not written:
            return None
        known: dict[str, Any] = {f.name: written.get(f.name) for f in fields(cls)}
        if known["dead"] is not None:
            known["dead"] = tuple(known["dead"])
        known["cause"] = Cause.read(known["cause"])
        return cls(**known)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of a table of trials."""
        names = ("falling", "falling_error", "over", "over_error", "since", "gap", "scale_off")
        values = {name: getattr(self, name) for name in names}
        if self.rate_error is not None:
            values["rate_error"] = self.rate_error
        if self.cause is not None:
            values |= self.cause.columns
        return {"standing": self.state, "kept_step": self.step, "steps": self.steps, **values}


def weightiest(standings: Sequence[Standing | None]) -> Standing | None:
    """The standing of a trial of several runs: that of the run whose state weighs most; None where
    no run has a record of how it stands."""
    known = [standing for standing in standings if standing is not None]
    return min(known, key=lambda s: STATES.index(s.state)) if known else None
