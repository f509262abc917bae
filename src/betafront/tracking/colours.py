"""How the members of a front are told from the other trials in MLflow: by a tag, and by colour."""

PARETO = "pareto"
COLOUR = "mlflow.runColor"  # not documented: the one in which MLflow draws a run
RED, GREY = "#d62728", "#c0c0c0"


def marks(on_front: bool) -> dict[str, str]:
    """The tags of a run that is on the front, or is not."""
    return {PARETO: str(on_front).lower(), COLOUR: RED if on_front else GREY}
