"""Why a run has collapsed: by its weight, at which collapse is an optimum of the loss, or by its
optimisation, which came to rest where latents are worth their rate."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

WEIGHT, OPTIMISATION, UNCLEAR = "weight", "optimisation", "unclear"

CAUSES = {
    OPTIMISATION: "by the optimisation",
    UNCLEAR: "by either",
    WEIGHT: "by the weight",
}
"""Every cause in words, from the one about which most can be done."""

BELOW, ABOVE = 0.85, 1.15
"""Parts of the β at which latents open between which the causes cannot be told apart: that of the
training split and that of the validation split differ by as much (`docs/objective.md`)."""

ABOVE_FEW = 1.5
"""The upper one where few examples share the direction that opens first: rates fall slowly there
(`docs/forecast.md`)."""

BETTER_TRAINING = (
    "anneal (schedule=linear), warm up (lr_schedule=warmup_cosine), try a smaller optimizer.lr, or "
    "train longer"
)


def cause_at(beta: float, beta_c: float, beta_live: float, val_beta_live: float) -> str:
    """Why a run has collapsed at a canonical β.

    Args:
        beta: of its end.
        beta_c, beta_live, val_beta_live: as `Cause` has them.
    """
    if beta < BELOW * min(beta_live, val_beta_live):
        return OPTIMISATION
    above = ABOVE_FEW if beta_live < beta_c else ABOVE
    return WEIGHT if beta > above * max(beta_live, val_beta_live) else UNCLEAR


@dataclass(frozen=True)
class Cause:
    """Why a run has collapsed.

    Attributes:
        cause: `weight`, `optimisation` or `unclear`.
        beta: the canonical β of its end.
        beta_c: the β above which collapse is an optimum of the loss, and below which it is a
            saddle.
        beta_live: the β below which a latent is worth its rate to more than a few examples: it is
            `beta_c`, unless few share the direction that opens there.
        val_beta_live: the same to validation examples, of which fewer examples than the data has
            dimensions say less: between the two a run overfits, and its best step is collapsed.
        weight_live: the weight at the lower of the two, in the convention of the run; None where a
            controller sets β.
    """

    cause: str
    beta: float
    beta_c: float
    beta_live: float
    val_beta_live: float
    weight_live: float | None = None

    @classmethod
    def read(cls, written: Mapping[str, Any] | None) -> "Cause | None":
        """What `asdict` returned, in this version or another; None where nothing was recorded."""
        if not written:
            return None
        return cls(**{field.name: written.get(field.name) for field in fields(cls)})  # type: ignore[arg-type]

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of a table of trials, which has one of β already."""
        found = {key: value for key, value in asdict(self).items() if key != "beta"}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def text(self) -> str:
        """The cause, with its numbers."""
        at = where(self.cause, f"β = {self.beta:.4g}", (self.beta_c,) * 2, (self.beta_live,) * 2)
        less = self.cause == UNCLEAR and self.val_beta_live < BELOW * self.beta_live
        also = f"; to validation examples latents open at {self.val_beta_live:.4g}" if less else ""
        return f"{CAUSES[self.cause]}: {at}{also}"

    @property
    def way(self) -> str:
        """What to do about it."""
        if self.cause == OPTIMISATION:
            return BETTER_TRAINING
        if self.weight_live is None:
            smaller = "latents are alive at the β of a controller.target with more rate, or less D"
        else:
            smaller = f"latents are alive below objective.weight={self.weight_live:.3g}"
        return smaller if self.cause == WEIGHT else f"{smaller}; or {BETTER_TRAINING}"


Ends = tuple[float, float]


def where(cause: str, at: str, beta_c: Ends, beta_live: Ends) -> str:
    """Where collapsed runs are among the β that were forecast.

    Args:
        cause: of the runs.
        at: their β, in words.
        beta_c, beta_live: the least and the greatest of the runs, as `Cause` has them.
    """
    few = beta_live != beta_c
    opens = f"β_live = {between(*beta_live)}" if few else f"β_c = {between(*beta_c)}"
    also = f" (β_c = {between(*beta_c)}, of a direction that few examples share)" if few else ""
    said = {
        OPTIMISATION: f"is below {opens}{also}, where latents are worth their rate and collapse is "
        "a saddle",
        UNCLEAR: f"is too near to {opens}{also} to say which",
        WEIGHT: f"is above {opens}{also}, where "
        + ("no latent is worth its rate to more" if few else "collapse is an optimum of the loss"),
    }
    return f"{at} {said[cause]}"


def between(low: float, high: float) -> str:
    """`9.717`, or `4.88 to 9.717`."""
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
