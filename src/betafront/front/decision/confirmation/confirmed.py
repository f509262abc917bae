"""The confirmation of a study: the verdicts on its picks, and whether they still hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from betafront.front.curves import trials_of
from betafront.front.decision.confirmation.verdict import STANDS, Verdict

if TYPE_CHECKING:
    from betafront.front.decision import Advice

CONFIRMED = "confirmed"
SHARE = 3  # the sweep's cost is at least so many times that of its confirmation
RUNS = 1 + 2  # of one further seed: the pick and its neighbours
NUMBERS = ("trials", "runs", "trained", "steps", "swept", "noise")


@dataclass(frozen=True)
class Confirmation:
    """What the runs with further seeds and more steps said of a study.

    Attributes:
        verdicts: on the picks, that on the decision first.
        trials: how many complete trials the study had then.
        runs: how many runs these trials had, all replicates together.
        trained: how many runs the confirmation took.
        steps: optimiser steps of these runs.
        swept: optimiser steps of the study's trials then.
        noise: what the noise of the study's own runs was read from, in words; empty where it is not
            known.
        left_out: what was not tested, and why.
    """

    verdicts: tuple[Verdict, ...]
    trials: int
    runs: int
    trained: int
    steps: int
    swept: int
    noise: str
    left_out: tuple[str, ...] = ()

    def outdated(self, table: pd.DataFrame, advice: "Sequence[Advice]") -> str:
        """Why it says nothing of the study as it is now, in one sentence; empty where it does.

        Args:
            table: finished trials.
            advice: of the study, the decision first.
        """
        tested = self.verdicts[0]
        if not advice or (advice[0].name, advice[0].trial) != (tested.name, tested.trial):
            return (
                f"The decision is no longer confirmed: that was {tested.name} at β = "
                f"{tested.beta:.3g} (trial {tested.trial})."
            )
        now = len(trials_of(table)), runs_of(table)
        if now != (self.trials, self.runs):
            return (
                f"The decision is no longer confirmed: the study had {self.trials} trials of "
                f"{self.runs} runs then, and has {now[0]} of {now[1]} now."
            )
        return ""

    def written(self) -> dict[str, Any]:
        """As the storage keeps it."""
        kept = {key: getattr(self, key) for key in NUMBERS}
        verdicts = [one.written() for one in self.verdicts]
        return {"verdicts": verdicts, **kept, "left_out": list(self.left_out)}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "Confirmation":
        """What `written` returned."""
        return cls(
            verdicts=tuple(map(Verdict.read, written["verdicts"])),
            left_out=tuple(written["left_out"]),
            **{key: written[key] for key in NUMBERS},
        )


def runs_of(table: pd.DataFrame) -> int:
    """How many runs the trials of a table have, all replicates together."""
    table = trials_of(table)
    return int(table["replicates"].fillna(1).sum()) if "replicates" in table else len(table)


def is_confirmed(
    confirmation: Confirmation | None, table: pd.DataFrame, advice: "Sequence[Advice]"
) -> bool:
    """Whether the decision was tested, as the study is now, and stands."""
    return confirmation_word(confirmation, table, advice) == CONFIRMED


def confirmation_word(
    confirmation: Confirmation | None, table: pd.DataFrame, advice: "Sequence[Advice]"
) -> str:
    """`confirmed`, `moves to β ≈ 2`, `cannot be told apart from β = 2` or `no longer confirmed`;
    empty where the decision was not tested."""
    if confirmation is None:
        return ""
    if confirmation.outdated(table, advice):
        return "no longer confirmed"
    first = confirmation.verdicts[0]
    return CONFIRMED if first.word == STANDS else first.outcome


def confirmation_lines(
    confirmation: Confirmation | None, table: pd.DataFrame, advice: "Sequence[Advice]"
) -> list[str]:
    """What is said of the confirmation beside the decision, a sentence each; nothing where the
    study has none.

    Args:
        confirmation: of the study.
        table: finished trials.
        advice: of the study, the decision first.
    """
    if confirmation is None:
        return []
    if why := confirmation.outdated(table, advice):
        return [why]
    first, *others = confirmation.verdicts
    word = "Confirmed" if first.word == STANDS else "Not confirmed"
    lines = [f"{word}: {first.text}", *(one.text for one in others)]
    return [*lines, *(f"Not tested: {what}." for what in confirmation.left_out)]


def confirmation_record(
    confirmation: Confirmation | None, table: pd.DataFrame, advice: "Sequence[Advice]"
) -> dict[str, Any]:
    """For programs: `confirmed`, the verdict on the decision where it stands, else null; and
    `confirmation`, all that was found, with why it is outdated; null where there is none."""
    if confirmation is None:
        return {"confirmed": None, "confirmation": None}
    stands = is_confirmed(confirmation, table, advice)
    found = confirmation.written() | {"outdated": confirmation.outdated(table, advice)}
    return {"confirmed": found["verdicts"][0] if stands else None, "confirmation": found}
