"""Points of a front that a user asks for beyond the usual ones."""

from dataclasses import dataclass

import pandas as pd

from betafront.errors import UserError
from betafront.front.table import DISTORTION, RATE, Facts, usable

WITHIN = 10.0  # percent


@dataclass(frozen=True)
class Asked:
    """Points that a user asks for beyond the usual ones.

    Attributes:
        rate: the nats of rate at which the best trial is wanted; None for no such point.
        within: percent of the distortion that rate buys that may be given up for an objective that
            is maximised; None for WITHIN.
    """

    rate: float | None = None
    within: float | None = None

    def check(self, table: pd.DataFrame, facts: Facts) -> None:
        """Refuse a question that this study cannot answer.

        Raises:
            UserError: naming why.
        """
        if self.rate is not None:
            if not facts.rate_distortion:
                wanted = f"--rate is for fronts of {RATE} and {DISTORTION}"
                raise UserError(f"{wanted}; {facts.name} has {', '.join(facts.objectives)}")
            if not (least := usable(table)[RATE].min()) <= self.rate:  # nor may it be nan
                raise UserError(
                    f"no trial of {facts.name} has a rate of {self.rate:g} nats or less: the least "
                    f"is {least:.4g}"
                )
        if self.within is not None:
            if not 0 <= self.within <= 100:
                raise UserError(f"--within is percent, from 0 to 100, not {self.within:g}")
            if not (facts.one_scale and "maximize" in facts.objectives.values()):
                raise UserError(
                    f"--within is for objectives that are maximised, where distortions compare: "
                    f"{facts.name} has {', '.join(facts.objectives)}"
                )


USUAL = Asked()
