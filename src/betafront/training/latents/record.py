"""The record of a run's latents while it is trained, which its checkpoints keep."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from betafront.training.latents.history import LatentHistory
from betafront.training.latents.moments import Seen
from betafront.training.latents.units import Units


@dataclass
class LatentRecord:
    """What each validation of a run found of its latents, in order: two float32 numbers of each
    unit that is kept, at each validation.

    Attributes:
        units: of the model.
        threshold: as in `LatentHistory`.
        steps, betas: as `step` and `beta` of `LatentHistory`.
        seen: by each.
    """

    units: Units
    threshold: float
    steps: list[int] = field(default_factory=list)
    betas: list[float] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def add(self, step: int, beta: float, seen: Seen) -> None:
        """Keep what a validation after `step` steps found, with the β in force then."""
        self.steps.append(step)
        self.betas.append(beta)
        self.seen.append(seen)

    def snapshot(self) -> dict[str, Any]:
        """All of it, for `restore`, as tensors and plain values."""
        tensors = {name: torch.from_numpy(rows) for name, rows in self._stacked().items()}
        return {"steps": self.steps, "betas": self.betas, **tensors}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        if not snapshot["steps"]:
            return
        self.steps, self.betas = list(snapshot["steps"]), list(snapshot["betas"])
        parts = zip(*(snapshot[name].numpy() for name in Seen._fields), strict=True)
        self.seen = [Seen(*part) for part in parts]

    def history(self, missing: int) -> LatentHistory | None:
        """As it is stored with the run; None where no validation is recorded.

        Args:
            missing: validations before these, of which nothing is recorded.
        """
        if not self.steps:
            return None
        return LatentHistory(
            step=np.array(self.steps),
            beta=np.array(self.betas),
            widths=np.array(self.units.widths),
            positions=self.units.positions,
            threshold=self.threshold,
            missing=missing,
            **self._stacked(),
        )

    def _stacked(self) -> dict[str, NDArray[Any]]:
        """The parts of `Seen`, a row for each validation; empty where there was none."""
        rows = zip(*self.seen, strict=True)
        return dict(zip(Seen._fields, map(np.stack, rows), strict=False))
