"""What a study shows of itself elsewhere: the interface of `betafront.tracking`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from betafront.front import Facts
from betafront.study.spec import Spec


@dataclass(frozen=True)
class Links:
    """Where trials are shown.

    Attributes:
        runs: addresses by the numbers of the trials.
        needs: the command that must run before they open; empty where none must.
    """

    runs: Mapping[int, str] = field(default_factory=dict)
    needs: str = ""


class View(Protocol):
    """A record of a study that can be made again at any time from its storage and run folders.

    The process that watches a sweep is its only writer, so workers never wait for it. Every method
    may be called again with what it has already been told.
    """

    def start(self, spec: Spec) -> None:
        """Show the study."""
        ...

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        """Show a finished trial: its row of the table, and its run folder."""
        ...

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Show a trial that ended without a result."""
        ...

    def finish(
        self, spec: Spec, table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, report: Path
    ) -> None:
        """Show the study as it stands, with the files in its report folder."""
        ...

    def written(self) -> set[int]:
        """The numbers of the trials that are shown, as far as it is known without looking."""
        ...

    def links(self, spec: Spec) -> Links:
        """Where the trials are shown."""
        ...


class NoView:
    """`tracking=off`: shows nothing."""

    def start(self, spec: Spec) -> None:
        pass

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        pass

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        pass

    def finish(
        self, spec: Spec, table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, report: Path
    ) -> None:
        pass

    def written(self) -> set[int]:
        return set()

    def links(self, spec: Spec) -> Links:
        return Links()
