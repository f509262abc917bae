"""The result of a finished run, and the file that keeps it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from betafront.damage import read_json, reading
from betafront.errors import UserError
from betafront.files import write_whole
from betafront.training.folder import RunFolder
from betafront.training.history import Row, renamed
from betafront.training.standing import Standing

STACKED = "training/stacked"
"""The setting of a run that has taken steps together with others: the most that they were."""


@dataclass(frozen=True)
class OnTheScale:
    """Where a run stands on the one scale.

    Attributes:
        weight: the number that the user wrote in front of the KL.
        normalisation: the convention in which it is read.
        beta: the canonical β. Under a controller it is the mean over the last tenth of the steps;
            under a capacity or free bits it is read from the trained model
            (`metrics.stationary_beta`), where that is factorised; of a hierarchy it is the written
            one, that of the groups above the free bits.
        beta_spread: the standard deviation over those steps, or the standard error of the β that
            was read from the model; None where β is as written.
        beta_norm: β·M/N.
        sigma: σ of a Gaussian; None for other likelihoods.
        pixels: N, the number of data dimensions.
        latents: M, the number of latent dimensions.
        holds: what was held to `target`: `rate`, `distortion`, `mse`, `part` (of the rate) or ''.
        target: the value that it was held to.
        came_to: its mean over the last tenth of the steps.
        reached: whether `came_to` is the target, up to a fiftieth or the standard deviation between
            batches, with a β inside the controller's range.
        draws: of z per example in training, as the objective has them; None where an earlier
            version did not say, which had one.
    """

    weight: float
    normalisation: str
    beta: float
    beta_spread: float | None
    beta_norm: float
    sigma: float | None
    pixels: int
    latents: int
    holds: str | None = None
    target: float | None = None
    came_to: float | None = None
    reached: bool | None = None
    draws: int | None = None

    def written(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "OnTheScale":
        """What `written` returned, in this version or another: what is missing is None."""
        values: dict[str, Any] = {field.name: written.get(field.name) for field in fields(cls)}
        return cls(**values)


@dataclass(frozen=True)
class Result:
    """What is known of a finished run.

    Attributes:
        metrics: final values by split, `val/rate`, `test/distortion` and so on (nats per example
            where a quantity has a unit).
        scale: where the run stands on the one scale.
        spectrum: mean KL per latent dimension on the validation split, in nats.
        settings: what the metrics depend on (draws, threshold, examples per split). A run that was
            trained together with others has their number as `STACKED`: it is the run alone
            up to round-off.
        history: a row per validated epoch (`betafront.training.history`).
        data: the data's name and digest, and the number of examples per split.
        seed: of the run.
        seconds: wall-clock time of training and evaluation.
        folder: where the run's files are.
        costs: seconds that each further metric took, on both splits.
        standing: whether it was trained long enough; None where an earlier version did not say.
        latent_shape: of the code of one example, (M,) or (C, h, w); empty where an earlier version
            did not say.
        widths: latents of each layer, bottom to top; empty where an earlier version did not say.
        curve: of a family, what its members are worth (`betafront.training.curve_of_family`).
    """

    metrics: dict[str, float]
    scale: OnTheScale
    spectrum: list[float]
    settings: dict[str, float | str]
    history: list[Row]
    data: dict[str, Any]
    seed: int
    seconds: float
    folder: str
    costs: dict[str, float] = field(default_factory=dict)
    standing: Standing | None = None
    latent_shape: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    curve: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kl_map(self) -> NDArray[np.float64]:
        """The spectrum in the shape of a code: (M,), or (C, h, w) of a spatial one."""
        return np.asarray(self.spectrum).reshape(self.latent_shape or -1)

    @property
    def kl_of_channels(self) -> NDArray[np.float64]:
        """(C,) the KL of each channel of a spatial code in nats, summed over its positions; of any
        other code (M,) that of each latent."""
        kl = self.kl_map
        totals: NDArray[np.float64] = kl.reshape(len(kl), -1).sum(1)
        return totals

    def save(self) -> None:
        """Write `result.json`, whole or not at all: the run has finished where this file is."""
        record = asdict(self)
        del record["folder"]  # a run folder may be moved
        write_whole(RunFolder(Path(self.folder)).result, json.dumps(record, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "Result":
        """Read the result of a run folder.

        Raises:
            UserError: there is none, or it is damaged.
        """
        path = RunFolder(folder).result
        if not path.is_file():
            raise UserError(f"{folder} holds no finished run ({path.name} is missing)")
        with reading(path):
            record = read_json(path)
            record["scale"] = OnTheScale.read(record["scale"])
            record["history"] = renamed(record["history"])
            record["standing"] = Standing.read(record.get("standing"))
            return cls(**record, folder=str(folder))


def by_layer(kl: Sequence[float], widths: Sequence[int]) -> list[float]:
    """The KL of latents, the highest first; of a hierarchy layer by layer, the lowest layer first.

    Args:
        kl: of the latents, the layers side by side.
        widths: latents of each layer; empty for one layer.
    """
    ends = np.cumsum([0, *(widths or [len(kl)])]).tolist()
    layers = [sorted(kl[first:last], reverse=True) for first, last in pairwise(ends)]
    return [value for layer in layers for value in layer]


def finite(metrics: dict[str, float]) -> bool:
    """Whether every value is a finite number."""
    return all(math.isfinite(value) for value in metrics.values())
