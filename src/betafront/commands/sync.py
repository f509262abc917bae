"""`betafront sync`: a study written to MLflow again."""

from betafront.study.lookup import find_study
from betafront.terminal import console
from betafront.tracking import sync as write


def sync(name: str | None) -> None:
    """Write a study (None for the newest) to MLflow, and say what was written.

    Raises:
        UserError: there is no such study, or MLflow does not take it.
    """
    console().print(write(*find_study(name)), soft_wrap=True)
