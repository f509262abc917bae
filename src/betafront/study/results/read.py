"""A study as it stands now, read once: its trials, and the tables that the front reads."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from betafront.front import Facts, front
from betafront.study.results.added_metrics import additions
from betafront.study.results.table import facts, runs_table, table
from betafront.study.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from optuna import Study
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Results:
    """What is known of a study.

    Attributes:
        spec: of the study.
        trials: all of them, as Optuna has them.
        settings: the user attributes of the study.
    """

    spec: Spec
    trials: "Sequence[FrozenTrial]"
    settings: "Mapping[str, Any]"

    @cached_property
    def table(self) -> pd.DataFrame:
        """The points of the complete trials, a row each (`betafront.front.table.trials_table`)."""
        return table(self.trials, self.spec.objectives, additions(self.settings))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The points of the runs of the complete trials: of several replicates, of each."""
        return runs_table(self.trials, self.spec.objectives)

    @cached_property
    def facts(self) -> Facts:
        """What the front has to know beside the tables."""
        return facts(self.spec, self.trials, self.settings)

    @cached_property
    def front(self) -> pd.DataFrame:
        """The rows of the table that no other dominates, in order of the first objective."""
        return front(self.table, self.spec.objectives)

    @property
    def folder(self) -> Path:
        """Of the study."""
        return Path(self.spec.folder)


def read(study: "Study", spec: Spec) -> Results:
    """What is known of a study by now."""
    return Results(spec, study.get_trials(deepcopy=False), study.user_attrs)
