"""The metrics that a run may have beside those that every run has, by the names users give them."""

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from betafront.data.data import Examples
from betafront.data.factors import Known
from betafront.errors import UserError, near_miss
from betafront.metrics.decomposition import decomposition
from betafront.metrics.iwae import iwae
from betafront.metrics.likeness import likeness
from betafront.metrics.prior_gap import prior_gap
from betafront.metrics.score import Score
from betafront.models import Model

Settings = Mapping[str, Any]

OF_MODEL: dict[str, Callable[..., Score]] = {
    "iwae": iwae,
    "decomposition": decomposition,
    "prior_gap": prior_gap,
    "likeness": likeness,
}

Announce = Callable[[str], None]
"""Called with the name of a metric as it begins."""


def silent(name: str) -> None:
    """Announce nothing."""


class Subject(NamedTuple):
    """A model on one split of the data.

    Attributes:
        model: in evaluation mode or not.
        x: (n, …) examples on its device, in memory or read part by part.
        codes: (n, M) their posterior means, on the CPU.
        known: the factors behind them, if any are known.
        seed: of the metrics that draw.
    """

    model: Model
    x: Tensor | Examples
    codes: Tensor
    known: Known | None
    seed: int


def measure(name: str, settings: Settings, subject: Subject) -> tuple[Score, float]:
    """The score of a model by one metric, and the seconds that it took.

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


def value_names(
    further: Mapping[str, Settings | None],
    model: Model,
    x: Tensor,
    known: Known | None,
    announce: Announce = silent,
) -> set[str]:
    """The names of the values that metrics will have, found out before a model is trained: from a
    few examples, and from noise in place of the codes of all.

    Args:
        further: names of metrics and their settings, where they differ.
        model: untrained.
        x: (n, …) a few examples.
        known: the factors of all images of a split, if any are known.
        announce: called with the name of each metric as it begins.

    Raises:
        UserError: a metric or setting is unknown, or cannot be had of this data.
    """
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(len(known.values) if known else 0, model.latents, generator=generator)
    subject = Subject(model, x, codes, known, 0)
    names: set[str] = set()
    for name, settings in further.items():
        announce(name)
        score, _ = measure(name, settings or {}, subject)
        names |= set(score.values)
    return names


def _score(name: str, settings: Settings, subject: Subject) -> Score:
    if name in OF_MODEL:
        metric = OF_MODEL[name]
        return metric(subject.model, subject.x, **_seeded(metric, settings, subject.seed))
    from betafront.metrics.structure import PROBES, STRUCTURE  # with them comes scikit-learn

    if name not in (*STRUCTURE, *PROBES):
        guess = near_miss(name, [*OF_MODEL, *STRUCTURE, *PROBES])
        raise UserError(f"there is no such metric: {guess}")
    if subject.known is None:
        raise UserError(
            "no factors of the data are known: leave it out, or take data that has labels or "
            "factors, such as data=sprites_small"
        )
    codes, factors = subject.codes.numpy(), subject.known.values.numpy()
    if name in PROBES:
        probe = PROBES[name]
        return _probed(probe, _seeded(probe, settings, subject.seed), codes, factors)
    metric = STRUCTURE[name]
    settings = _seeded(metric, settings, subject.seed)
    if name == "sap":
        settings = {"ordinal": subject.known.ordinal, **settings}
    return metric(codes, factors, **settings)


def _seeded(metric: Callable[..., Score], settings: Settings, seed: int) -> Settings:
    """`settings`, and for a metric that draws `seed`, unless they have one."""
    draws = "seed" in inspect.signature(metric).parameters
    return {"seed": seed, **settings} if draws else settings


def _probed(probe: Callable[..., Score], settings: Settings, codes: Any, factors: Any) -> Score:
    """The means over the factors; of a label alone, what the probe of it says."""
    scores = [probe(codes, factor, **settings) for factor in factors.T]
    each = {key: [score.values[key] for score in scores] for key in scores[0].values}
    means = {key: float(np.mean(values)) for key, values in each.items()}
    return Score(means, scores[0].settings, {key: np.array(v) for key, v in each.items()})
