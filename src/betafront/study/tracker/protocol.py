"""A tracker keeps a record of a study in another program: the interface that `betafront.tracking`
implements for MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from betafront.front import Facts
from betafront.study.spec import Spec


@dataclass(frozen=True)
class Links:
    """Where the records of trials open.

    Attributes:
        runs: addresses by the numbers of the trials.
        needs: the command without which they do not open; empty where none is needed.
    """

    runs: Mapping[int, str] = field(default_factory=dict)
    needs: str = ""


class Tracker(Protocol):
    """Keeps a record of a study, which can be made again at any time from the study's storage and
    its run folders.

    The process that watches a sweep is the only one that calls it, so no worker waits for it. Every
    method may be called again with a trial that is recorded already.
    """

    def start(self, spec: Spec) -> None:
        """Make the record of the study, or find it."""
        ...

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        """Record a complete trial: its row of the table, and its run folder."""
        ...

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Record a trial that failed."""
        ...

    def pruned(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Record a trial that was pruned."""
        ...

    def finish(
        self, spec: Spec, table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, report: Path
    ) -> None:
        """Record the study as it stands, with the files in its report folder."""
        ...

    def written(self) -> set[int]:
        """The numbers of the trials that are recorded, as far as is known without asking the other
        program."""
        ...

    def news(self) -> list[str]:
        """What a user should know of the record, a sentence each, and was not told yet."""
        ...

    def links(self, spec: Spec) -> Links:
        """Where the trials' records open."""
        ...


class NoTracker:
    """`tracking=off`: keeps no record."""

    def start(self, spec: Spec) -> None:
        pass

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        pass

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        pass

    def pruned(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        pass

    def finish(
        self, spec: Spec, table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, report: Path
    ) -> None:
        pass

    def written(self) -> set[int]:
        return set()

    def news(self) -> list[str]:
        return []

    def links(self, spec: Spec) -> Links:
        return Links()
