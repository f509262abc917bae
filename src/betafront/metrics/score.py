"""What a metric returns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

EVALUATION_BATCH = 1000  # images that a model is given at once


@dataclass(frozen=True)
class Score:
    """Named numbers, with everything they depend on beside them.

    Attributes:
        values: the numbers, by name.
        settings: what the values depend on besides model and data: sizes, estimators, seeds.
            Scores with different settings are not to be compared.
        detail: arrays behind the values, by name; latents are rows, factors are columns.
    """

    values: dict[str, float]
    settings: dict[str, float | str]
    detail: dict[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[np.float64]])
