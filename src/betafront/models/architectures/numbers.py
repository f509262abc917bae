"""Kinds of model that are for numbers alone."""

from betafront.errors import UserError
from betafront.objective import Likelihood


def check_numbers(name: str, likelihood: Likelihood) -> None:
    """Refuse sentences, whose symbols are no numbers to compute with.

    Args:
        name: of the choice of model.
        likelihood: which knows whether the data is sequences of symbols.

    Raises:
        UserError: it is.
    """
    if likelihood.symbols is not None:
        raise UserError(
            f"model={name} is for numbers, and this data is sentences, sequences of symbols: use "
            "model=sentence"
        )
