"""What the report tells of one study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from betafront.front.decision import Advice, decide
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
        shown: trials along the front, from low to high rate, that have files to look at.
        thumbnails: a small picture by the number of the trial, as it stands in the page.
        links: where a trial's run opens in MLflow.
        needs: what must run before such a link opens; empty where nothing must.
        failures: the most frequent reason first.
        commands: what it is for, and the command.
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

    @cached_property
    def advice(self) -> list[Advice]:
        """The decision."""
        return decide(self.table, self.facts, self.runs)
