"""The decision of a study, for a program or a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from betafront import html
from betafront.errors import UserError, near_miss
from betafront.front import Advice, Asked, cautions, decide, decision_record, refusal
from betafront.front.decision import USUAL, each_once, in_every_row, names, notes
from betafront.front.decision.confirmation.confirmed import confirmation_lines, is_confirmed
from betafront.study.results.read import Results


@dataclass(frozen=True)
class Decision:
    """Which β, how sure that is, and what the other named points of the front are.

    Attributes:
        points: the advised points, the decision first; empty where there is none.
        refused: why there is no decision; empty where there is one.
        cautions: what to be careful with, a sentence each.
        notes: prices, noise and trades, a sentence each.
        confirmed: what further seeds and more steps said of it, a sentence each.
        is_confirmed: whether they confirmed it.
        record: all of it as plain values, as in `betafront status --json`.
    """

    points: Sequence[Advice]
    refused: str
    cautions: Sequence[str]
    notes: Sequence[str]
    confirmed: Sequence[str]
    is_confirmed: bool
    record: dict[str, Any]

    def __bool__(self) -> bool:
        return bool(self.points)

    @property
    def point(self) -> Advice:
        """The point that is decided for: its `beta`, `low`, `high`, `trial`, `weights`, `metrics`.

        Raises:
            UserError: there is no decision.
        """
        if not self.points:
            raise UserError(self.refused or "there is no decision: no trial has finished")
        return self.points[0]

    @property
    def beta(self) -> float:
        """The canonical β that is decided for.

        Raises:
            UserError: there is no decision.
        """
        return self.point.beta

    @property
    def weights(self) -> dict[str, float]:
        """The number to write in front of the KL for that β, by convention.

        Raises:
            UserError: there is no decision.
        """
        return dict(self.point.weights)

    def at(self, name: str) -> Advice:
        """A named point, such as `"knee"` or `"best ELBO"`.

        Raises:
            UserError: there is none of this name.
        """
        self.point  # noqa: B018  # refuses where there is none at all
        found = {point.name: point for point in self.points}
        if name not in found:
            raise UserError(f"there is no point '{name}': {near_miss(name, found)}")
        return found[name]

    def __repr__(self) -> str:
        if not self.points:
            return f"No decision: {self.refused}"
        return "\n".join(point.text for point in self.points)

    def _repr_html_(self) -> str:
        if not self.points:
            return html.paragraphs(f"No decision: {self.refused}")
        word = "Decision, confirmed" if self.is_confirmed else "Decision"
        marks = names(self.points)
        head = ["write", *(f"{name} (trial {trial})" for (trial, _), name in marks.items())]
        rows = [[name, *cells] for name, cells in in_every_row(each_once(self.points))]
        return (
            html.paragraphs(f"{word}: {self.point.text}", *self.confirmed)
            + html.table(head, rows, "The same β in every convention")
            + html.paragraphs(*self.notes, *(f"Careful: {line}" for line in self.cautions))
        )


def decision_of(found: Results, asked: Asked = USUAL) -> Decision:
    """The decision of a study.

    Args:
        found: the study.
        asked: for more points of the front.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    rows, facts, runs = found.table, found.facts, found.runs
    advice = decide(rows, facts, runs, asked)
    confirmation = facts.confirmation
    return Decision(
        points=advice,
        refused=refusal(rows, facts, runs),
        cautions=cautions(rows, facts, advice),
        notes=notes(rows, facts, advice),
        confirmed=confirmation_lines(confirmation, rows, advice),
        is_confirmed=is_confirmed(confirmation, rows, advice),
        record=decision_record(rows, facts, runs, asked),
    )
