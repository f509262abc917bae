"""One study in the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from betafront.front.decision import USUAL, Advice, Asked, decide
from betafront.front.decision.refusal import refusal
from betafront.front.table import Facts


@dataclass(frozen=True)
class Shown:
    """The pictures or texts, and the curves, of a run of the front.

    Attributes:
        trial: its number.
        pictures: as `data:` addresses, by their names; empty where the data has none.
        trace: over `step`, optimiser steps, thinned: `beta` and `rate` (nats).
        spectrum: mean KL per latent, or per channel of a spatial code, in nats, the highest first;
            of a hierarchy layer by layer.
        widths: latents of each of its layers, bottom to top; empty where there is one.
        texts: of data that is shown as text, by their names.
    """

    trial: int
    pictures: Mapping[str, str] = field(default_factory=dict)
    trace: Mapping[str, Sequence[float]] = field(default_factory=dict)
    spectrum: Sequence[float] = ()
    widths: Sequence[int] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


class Truth(NamedTuple):
    """What is known of data whose probabilities are known, in nats per example.

    Attributes:
        entropy: of the distribution of the data.
        nll: the mean of -ln P over the validation split, which bounds D + R there from below, but
            for chance.
    """

    entropy: float
    nll: float

    @property
    def text(self) -> str:
        """In words."""
        return (
            f"True entropy of the data: {self.entropy:.2f} nats per example; true NLL of the "
            f"validation split: {self.nll:.2f} nats"
        )


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
    """A study with all that the report shows of it.

    Attributes:
        facts: beside the table.
        table: finished trials.
        runs: a row per run, with the column `replicate`.
        shown: trials along the front, in its order.
        thumbnails: small pictures as `data:` addresses, or short texts, by the numbers of the
            trials.
        links: the addresses of the trials' runs in MLflow, by the numbers of the trials.
        needs: the command that must run before a link opens; empty where none must.
        failures: the most frequent reason first.
        commands: pairs of a purpose and a command.
        asked: for more than the usual points.
        truth: of the data; None where its probabilities are not known.
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
    truth: Truth | None = None

    @cached_property
    def advice(self) -> list[Advice]:
        """The advised points; none where there is no decision."""
        return [] if self.refused else decide(self.table, self.facts, self.runs, self.asked)

    @cached_property
    def refused(self) -> str:
        """Why there is no decision; empty where there is one."""
        return refusal(self.table, self.facts, self.runs)
