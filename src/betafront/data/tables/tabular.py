"""The columns of a table in memory, each with its mean and its scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from betafront.data.new_examples import Preparation, as_tensor
from betafront.data.tensors import InMemory
from betafront.errors import UserError, one_line

LOG_SCALE = "log_scale"
"""Where the result of a run has the nats by which D in the table's own units exceeds D in
standardised ones."""


@dataclass(frozen=True)
class TablePreparation(Preparation):
    """Rows of a table are standardised as the training split was: x = (u - mean) / scale.

    Attributes:
        shape: the number of columns.
        columns: their names, in order.
        mean, scale: of each column, in its own units; empty where nothing was standardised.
    """

    kind: ClassVar[str] = "table"

    columns: tuple[str, ...]
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __call__(self, examples: ArrayLike | Tensor) -> Tensor:
        """Rows as the model was trained on them, (n, D) float32.

        Args:
            examples: (n, D) numbers in the table's own units, in the order of `columns`; or a
                DataFrame, whose columns are taken by their names.

        Raises:
            UserError: a column is not there, or as in `Preparation`.
        """
        x = as_tensor(self._taken(examples))
        if x.ndim == 2 and x.shape[1] == len(self.columns) and self.scale and not x.is_complex():
            x = (x.double() - self._row(self.mean)) / self._row(self.scale)
        return super().__call__(x)

    def back(self, made: Tensor) -> Tensor:
        """(n, D) float64 in the table's own units, of what a model made."""
        if not self.scale:
            return made
        rows = made.double()
        return rows * self._row(self.scale).to(rows.device) + self._row(self.mean).to(rows.device)

    def _taken(self, examples: Any) -> Any:
        if not hasattr(examples, "columns") or not hasattr(examples, "to_numpy"):
            return examples
        lacking = [name for name in self.columns if name not in examples.columns]
        if lacking:
            raise UserError(
                f"the model is for a table of the columns {', '.join(self.columns)}, and these "
                f"rows lack {', '.join(lacking)}"
            )
        try:
            return examples[list(self.columns)].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UserError(f"the rows hold no numbers: {one_line(error)[:200]}") from error

    def _row(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)


@dataclass(frozen=True)
class Tabular(InMemory):
    """A data set of the columns of a table, (n, D) float32 in each split.

    Attributes:
        columns: their names.
        mean, scale: that the columns were standardised by, in their own units; empty where they
            were not.
    """

    columns: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def log_volume(self) -> float:
        """Σ ln s nats per example over the scales s of standardised columns, else 0.

        With x = (u - m) / s the density of u is that of x divided by the product of the scales, so
        that log p(u) = log p(x) - Σ ln s: D is then in nats of the table in its own units.
        """
        return math.fsum(math.log(s) for s in self.scale)

    @property
    def preparation(self) -> TablePreparation:
        return TablePreparation(self.shape, self.columns, self.mean, self.scale)

    @property
    def about(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"columns": list(self.columns)}
        if self.scale:
            kept |= {"mean": list(self.mean), "scale": list(self.scale)}
            kept[LOG_SCALE] = self.log_volume
        return kept


def mean_and_scale(train: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(D,) the means and the standard deviations (of n, not n - 1) of (n, D) float64 columns; the
    standard deviation of a column that is constant is 0."""
    constant = train.min(axis=0) == train.max(axis=0)
    return train.mean(axis=0), np.where(constant, 0.0, train.std(axis=0))
