"""What the report tells of one study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from betafront.front.decision.cautions import refusal
from betafront.front.decision.decision import USUAL, Advice, Asked, decide
from betafront.front.table import Facts


@dataclass(frozen=True)
class Shown:
    """What a run of the front left to be looked at.

    Attributes:
        trial: its number.
        pictures: as they stand in the page (`data:` addresses), by their names.
        trace: over `step`, optimiser steps, thinned: `beta` and `rate` (nats).
        spectrum: mean KL per latent, in nats, the highest first.
    """

    trial: int
    pictures: Mapping[str, str] = field(default_factory=dict)
    trace: Mapping[str, Sequence[float]] = field(default_factory=dict)
    spectrum: Sequence[float] = ()


@dataclass(frozen=True)
class Failure:
    """Trials that failed for the same reason.

    Attributes:
        reason: in words.
        trials: their numbers.
        log: of the first of them.
        advice: what to do about it; may be empty.
    """

    reason: str
    trials: Sequence[int]
    log: str
    advice: str


@dataclass(frozen=True)
class Chapter:
    """A study, as the report tells it.

    Attributes:
        facts: beside the table.
        table: finished trials.
        runs: a row per run, with the column `replicate`.
        shown: trials along the front, in its order, that have files to look at.
        thumbnails: a small picture by the number of the trial, as it stands in the page.
        links: where a trial's run opens in MLflow.
        needs: what must run before such a link opens; empty where nothing must.
        failures: the most frequent reason first.
        commands: what it is for, and the command.
        asked: for more than the usual points.
    """

    facts: Facts
    table: pd.DataFrame
    runs: pd.DataFrame
    shown: Sequence[Shown] = ()
    thumbnails: Mapping[int, str] = field(default_factory=dict)
    links: Mapping[int, str] = field(default_factory=dict)
    needs: str = ""
    failures: Sequence[Failure] = ()
    commands: Sequence[tuple[str, str]] = ()
    asked: Asked = USUAL

    @cached_property
    def advice(self) -> list[Advice]:
        """The points that the decision names; none where it is refused."""
        return [] if self.refused else decide(self.table, self.facts, self.runs, self.asked)

    @cached_property
    def refused(self) -> str:
        """Why there is no decision; empty where there is one."""
        return refusal(self.table, self.facts)
