"""`betafront ui`: a study in the MLflow UI."""

from betafront.study.lookup import find_study
from betafront.tracking import serve


def ui(name: str | None, port: int) -> None:
    """Serve the record of a study (None for the newest) on this machine, at `port` or the next one
    that is free.

    Raises:
        UserError: there is no such study, or its record cannot be served.
    """
    serve(*find_study(name), port)
