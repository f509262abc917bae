"""How the runs stand on which a point depends, and what would mend them."""

from dataclasses import dataclass

import pandas as pd

from betafront.front.curves import trials_of
from betafront.front.decision.advice import Advice
from betafront.front.decision.commands import KEEP, STEPS, in_steps, longer, new_study
from betafront.front.slope import NAT
from betafront.front.table import ELBO, STANDING, Facts
from betafront.training.standing import OVERFITTED, STILL_FALLING, UNKNOWN, UNSETTLED

SHARE = 0.5  # of the runs that matter: where so many are unsettled, there is no decision
FAR = 4 * NAT  # nats per doubling of the steps, from which four times the steps are advised


@dataclass(frozen=True)
class Standings:
    """How the trials stand that matter to a point: its own, those with a β within its interval, and
    those that may yet come below it (`overtaking`).

    Attributes:
        point: the point.
        trials: that matter and of which it is known how they stand; of trials by an earlier version
            it is not.
        who: in words, which trials matter.
    """

    point: Advice
    trials: pd.DataFrame
    who: str

    @property
    def unsettled(self) -> pd.DataFrame:
        """The trials that are still falling, overfitted or unstable."""
        return self.trials[self.trials[STANDING].isin(UNSETTLED)]

    @property
    def unknown(self) -> pd.DataFrame:
        """The trials whose history is too short to say."""
        return self.trials[self.trials[STANDING] == UNKNOWN]

    @property
    def undecided(self) -> bool:
        """Whether so many trials are unsettled that the point says nothing."""
        return len(self.unsettled) > 0 and len(self.unsettled) >= SHARE * len(self.trials)

    @property
    def counted(self) -> str:
        """How many trials are unsettled, of how many: `3 of 7 … are still falling`."""
        states = self.unsettled[STANDING].value_counts()
        lies = "is" if len(self.unsettled) == 1 else "are"
        head = f"{len(self.unsettled)} of {len(self.trials)} {lies}"
        if len(states) == 1:
            return f"{head} {self._named(str(states.index[0]))}"
        said = ", ".join(f"{count} {self._named(str(state))}" for state, count in states.items())
        return f"{head} unsettled: {said}"

    def _named(self, state: str) -> str:
        """A state, with the most nats by which such trials are still falling."""
        by = self.unsettled["falling"].max() if "falling" in self.unsettled else float("nan")
        if state != STILL_FALLING or pd.isna(by):
            return state
        return f"{state} (by up to {by:.3g} nats per doubling of the steps)"

    def mended(self, facts: Facts) -> str:
        """What would mend the state that most of the unsettled trials have, with the command."""
        states = self.unsettled[STANDING].value_counts()
        if states.empty:
            return ""
        state = str(states.index[0])
        if state == OVERFITTED:
            return self._kept(facts)
        if state == STILL_FALLING:
            return self._longer(facts)
        return (
            "A lower learning rate (optimizer.lr) or a larger batch (trainer.batch_size), in a "
            "study of another name, makes runs stable"
        )

    def _longer(self, facts: Facts) -> str:
        steps = self.trials["steps"].max() if "steps" in self.trials else float("nan")
        if STEPS in facts.parameters or pd.isna(steps):
            return f"More steps ({STEPS}) let them settle, in a study of another name"
        falling = self.unsettled["falling"].median() if "falling" in self.unsettled else 0.0
        return f"Train longer: {longer(facts, float(steps), 4 if falling > FAR else 2)}"

    def _kept(self, facts: Facts) -> str:
        """The best validated step is kept by default. Runs overfit all the same where that step is
        the first at the final β, or where a controller or a capacity keeps the last."""
        if facts.keep == "last":
            command = new_study(facts, "best", {KEEP: "best"}, imported=False)
            return (
                f"Keep the weights of the best validated step (trainer.patience=10 also ends such "
                f"runs early): {command}"
            )
        since = self.unsettled["since"].median() if "since" in self.unsettled else float("nan")
        if STEPS in facts.parameters or pd.isna(since):
            return f"Fewer steps ({STEPS}), in a study of another name, end before that"
        command = new_study(facts, "shorter", in_steps(facts, since), imported=False)
        return f"Train to where it begins: {command}"


def standings_of(point: Advice, table: pd.DataFrame) -> Standings:
    """How the trials stand that matter to a point.

    Args:
        point: of the front.
        table: finished trials, of which the point is one.
    """
    within = (table["beta"] >= point.low) & (table["beta"] <= point.high)
    yet = overtaking(point, table)
    matter = trials_of(table[within | (table["trial"] == point.trial) | yet])
    inside = f"those within its interval, β = {point.low:.3g} to {point.high:.3g}"
    who = f"{point.name}, and {inside}"
    if yet.any():
        ahead = len(trials_of(table[yet]))
        who = f"{point.name}, {inside}, and {ahead} that may come below it in twice the steps"
    if STANDING not in matter:
        return Standings(point, matter.head(0).assign(**{STANDING: None}), who)
    return Standings(point, matter[matter[STANDING].notna()], who)


def overtaking(point: Advice, table: pd.DataFrame) -> "pd.Series[bool]":
    """Which trials outside the interval of the best ELBO are still falling so fast that another
    doubling of the steps may bring them below it, if D + R falls as their own objective does; none
    for other points.

    Args:
        point: of the front.
        table: finished trials.
    """
    if point.name != "best ELBO" or not {STANDING, "falling"} <= set(table):
        return pd.Series(False, table.index)
    outside = (table["beta"] < point.low) | (table["beta"] > point.high)
    gained = table[ELBO] - table["falling"].astype(float)
    below = gained < point.metrics[ELBO]
    outside &= table["trial"] != point.trial  # as other points of the same curve
    return outside & (table[STANDING] == STILL_FALLING) & below
