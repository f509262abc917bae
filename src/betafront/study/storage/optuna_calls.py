"""The trials of a study through Optuna's own calls, for tables of a version that
`betafront.study.storage.schema` does not know."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.exceptions import UpdateFinishedTrialError

from betafront.errors import UserError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, TrialState


class OptunaTrials:
    """The trials of one study. `betafront.study.storage.sql.SqlTrials` does the same, faster.

    Args:
        study: to read.
        writes: where to write.
        key: the study's identifier there.
    """

    def __init__(self, study: "Study", writes: "RDBStorage", key: int) -> None:
        self.study = study
        self.writes = writes
        self.key = key

    def settings(self) -> dict[str, Any]:
        """The attributes of the study."""
        return self.study.user_attrs

    def make(self, trial: "FrozenTrial") -> None:
        """Add a trial, in one transaction."""
        self.writes.create_new_trial(self.key, trial)

    def renumber(self, number: int) -> None:
        """As `SqlTrials.renumber`, for which Optuna has no call.

        Raises:
            UserError: always.
        """
        raise UserError(
            f"two trials have the number {number}, since others were deleted from the storage: end "
            "the one that waits in Optuna's queue"
        )

    def take(self, number: int, trial: "FrozenTrial") -> bool:
        """Begin a trial that waits in Optuna's queue; its parameters and attributes are written
        then, each in a transaction.

        Args:
            number: of the trial.
            trial: what it becomes: its parameters, and attributes beside those that it has.

        Returns:
            whether it waited still.
        """
        key = self.writes.get_trial_id_from_study_id_trial_number(self.key, number)
        try:
            if not self.writes.set_trial_state_values(key, trial.state):
                return False
        except UpdateFinishedTrialError:  # another worker has refused it
            return False
        for name, value in trial.user_attrs.items():  # the lease first, by which it is ours
            self.writes.set_trial_user_attr(key, name, value)
        for name, value in trial.system_attrs.items():
            self.writes.set_trial_system_attr(key, name, value)
        for name, value in trial.params.items():
            of = trial.distributions[name]
            self.writes.set_trial_param(key, name, of.to_internal_repr(value), of)
        return True

    def end(
        self,
        number: int,
        state: "TrialState",
        values: Sequence[float] | None,
        notes: Mapping[str, Any],
    ) -> None:
        """End an unfinished trial; its attributes are written first, each in a transaction.

        Raises:
            UpdateFinishedTrialError: it has ended before.
        """
        trial = self.writes.get_trial_id_from_study_id_trial_number(self.key, number)
        for name, value in notes.items():
            self.writes.set_trial_user_attr(trial, name, value)
        self.writes.set_trial_state_values(trial, state, values)

    def note(self, number: int, name: str, value: Any) -> None:
        """Write an attribute of an unfinished trial.

        Raises:
            UpdateFinishedTrialError: it has ended.
        """
        trial = self.writes.get_trial_id_from_study_id_trial_number(self.key, number)
        self.writes.set_trial_user_attr(trial, name, value)

    def trials(self) -> "list[FrozenTrial]":
        """All trials in the order of their numbers."""
        return self.study.get_trials(deepcopy=False)
