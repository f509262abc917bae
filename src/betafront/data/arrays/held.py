"""Split examples of a kind as a data set in memory."""

from collections.abc import Mapping

from torch import Tensor

from betafront.data.arrays.signals import Signals
from betafront.data.factors import Factors
from betafront.data.images import Images
from betafront.data.tensors import InMemory

CLASSES: Mapping[str, type[InMemory]] = {"images": Images, "signals": Signals}


def held(
    kind: str, name: str, parts: Mapping[str, Tensor], factors: Factors | None, note: str
) -> InMemory:
    """The data set of split examples.

    Args:
        kind: as in `betafront.data.arrays.kinds.kind_of`.
        name: of the data.
        parts: the examples of each split.
        factors: what varies behind them, if that is known.
        note: a sentence on how they were read.
    """
    return CLASSES.get(kind, InMemory)(name=name, **parts, factors=factors, note=note)
