"""What a study shows of itself elsewhere: the interface of `betafront.tracking`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from betafront.errors import UserError
from betafront.front import Facts
from betafront.study.spec import Spec
from betafront.targets import make


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


def make_view(tracking: DictConfig) -> View:
    """The view that `tracking` names.

    Raises:
        UserError: it cannot be made; where it shows studies is not known, perhaps.
    """
    try:
        made: View = make(tracking)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UserError):
            cause = cause.__cause__
        raise (cause or error) from error
    return made
