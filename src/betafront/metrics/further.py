"""The metrics that a run may have beside those that every run has, by the names users give them."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from betafront.data.factors import Known
from betafront.errors import UserError, near_miss
from betafront.metrics.decomposition import decomposition
from betafront.metrics.iwae import iwae
from betafront.metrics.likeness import likeness
from betafront.metrics.prior_gap import prior_gap
from betafront.metrics.score import Score
from betafront.models import VAE

Settings = Mapping[str, Any]

OF_MODEL: dict[str, Callable[..., Score]] = {
    "iwae": iwae,
    "decomposition": decomposition,
    "prior_gap": prior_gap,
    "likeness": likeness,
}
OF_FACTORS = (
    "information",
    "mig",
    "dci",
    "sap",
    "modularity",
    "explicitness",
    "beta_vae_score",
    "factor_vae_score",
    "irs",
)
OF_LABELS = ("linear_probe", "knn_probe")


class Subject(NamedTuple):
    """A VAE on one split of the data.

    Attributes:
        vae: the model.
        x: (n, C, H, W) images on its device.
        codes: (n, M) their posterior means, on the CPU.
        known: the factors behind them, if any are known.
        seed: of whatever is random in a metric.
    """

    vae: VAE
    x: Tensor
    codes: Tensor
    known: Known | None
    seed: int


def measured(name: str, settings: Settings, subject: Subject) -> tuple[Score, float]:
    """What a metric says of a model, and the seconds that it took.

    Args:
        name: of the metric.
        settings: that differ from its own.
        subject: to measure.

    Raises:
        UserError: there is no such metric or setting, or it cannot be had of this data.
    """
    started = time.perf_counter()
    try:
        score = _score(name, settings, subject)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise UserError(f"metrics.further.{name}: {error}") from error
    except UserError as error:
        raise UserError(f"metrics.further.{name}: {error}") from error
    return score, time.perf_counter() - started


def _score(name: str, settings: Settings, subject: Subject) -> Score:
    if name in OF_MODEL:
        return OF_MODEL[name](subject.vae, subject.x, seed=subject.seed, **settings)
    if name not in (*OF_FACTORS, *OF_LABELS):
        guess = near_miss(name, [*OF_MODEL, *OF_FACTORS, *OF_LABELS])
        raise UserError(f"there is no such metric: {guess}")
    if subject.known is None:
        raise UserError(
            "no factors of the images are known: leave it out, or take data that has labels or "
            "factors, such as data=sprites_small"
        )
    codes, factors = subject.codes.numpy(), subject.known.values.numpy()
    if name in OF_LABELS:
        return _probed(name, settings, codes, factors, subject.seed)
    from betafront.metrics.structure import STRUCTURE  # with it comes scikit-learn

    if name == "sap":
        settings = {"ordinal": subject.known.ordinal, **settings}
    return STRUCTURE[name](codes, factors, seed=subject.seed, **settings)


def _probed(name: str, settings: Settings, codes: Any, factors: Any, seed: int) -> Score:
    """The means over the factors; of a label alone, what the probe of it says."""
    from betafront.metrics.structure import PROBES

    scores = [PROBES[name](codes, factor, seed=seed, **settings) for factor in factors.T]
    each = {key: [score.values[key] for score in scores] for key in scores[0].values}
    means = {key: float(np.mean(values)) for key, values in each.items()}
    return Score(means, scores[0].settings, {key: np.array(v) for key, v in each.items()})
