"""What every metric of latent structure returns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray

# Of the settings of a score that rests on a fitted model: the defaults and the splits of
# scikit-learn have changed published scores from one version to the next.
LIBRARY: dict[str, float | str] = {"scikit-learn": sklearn.__version__}


@dataclass(frozen=True)
class Score:
    """Named numbers, with everything they depend on beside them.

    Attributes:
        values: the numbers, by name.
        settings: what the values depend on besides codes and factors: sizes, estimators, seeds.
            Scores with different settings are not to be compared.
        detail: arrays behind the values, by name; latents are rows, factors are columns.
    """

    values: dict[str, float]
    settings: dict[str, float | str]
    detail: dict[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[np.float64]])
