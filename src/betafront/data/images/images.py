"""Images: data with a picture, grey levels and a size, in memory or read when asked for."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from betafront.data.batches import TensorBatches
from betafront.data.data import Data, Examples, Outcome
from betafront.data.images.augment import Augment
from betafront.data.images.new_images import ImagePreparation
from betafront.data.images.pictures import COLUMNS, draw
from betafront.data.images.renewal import renewal
from betafront.data.tensors import InMemory
from betafront.models import Model
from betafront.objective.likelihoods.base import outside


@dataclass(frozen=True)
class Pictured(Data):
    """What images are as data, wherever they lie.

    Attributes:
        levels: the number k of their grey levels, if it is known.
        dequantized: whether each value is `(i + u) / k`, spread over the cell of its level i. Then
            a likelihood for the levels must be told so.
        side: pixels a side that the images were brought to, if they were.
        binarize: the grey value above which a pixel became 1, if one was chosen.
        augment: what the examples of a shuffled training batch go through.
    """

    levels: int | None = None
    dequantized: bool = False
    side: int | None = None
    binarize: float | None = None
    augment: Augment | None = None

    @property
    def log_volume(self) -> float:
        """`N ln k` nats per example where the images are dequantised, else 0.

        A density p of dequantised values bounds the mass of the discrete image from below,
        `log P(i) ≥ E_u[log p((i + u) / k)] - N ln k` (Theis et al. 2016, section 3.1; Uria et al.
        2013), which puts densities and masses on one scale.
        """
        return self.dims * math.log(self.levels) if self.levels and self.dequantized else 0.0

    @property
    def preparation(self) -> ImagePreparation:
        return ImagePreparation(self.shape, self.side, self.binarize, self.levels, self.dequantized)

    def batches(
        self, split: str, size: int, generator: torch.Generator | None = None
    ) -> TensorBatches:
        """As in `Data.batches`. A shuffled batch of dequantised images has fresh noise, each value
        within the cell of its level, and one of training images is augmented, where that is asked
        for; batches in order are the stored images."""
        augment = self.augment if split == "train" else None
        renew = renewal(self.levels, self.dequantized, augment)
        x = self.rows(split) if generator is None else self.shuffled_rows(split)
        return TensorBatches(x, size, generator, renew)

    @abstractmethod
    def training_values(self) -> Tensor:
        """(n, C, H, W) images of which the pixels have every value of the training images."""

    def shuffled_rows(self, split: str) -> Tensor | Examples:
        """What shuffled batches are made of: of dequantised images the level is enough, as each
        batch has noise of its own."""
        return self.rows(split)

    def augmented(self, transforms: Sequence[Callable[[Tensor], Tensor]]) -> Self:
        if not transforms:
            return self
        augment = Augment(tuple(transforms), unit=not outside(self.training_values(), 0.0, 1.0))
        data = replace(self, augment=augment)
        next(iter(data.batches("train", 2, torch.Generator().manual_seed(0))))  # refused, or fits
        return data

    def show(self, model: Model, outcome: Outcome, folder: Path) -> None:
        """Write `reconstructions.png`, `samples.png` and `traversals.png`."""
        draw(model, self.examples("val", COLUMNS), outcome, folder)


@dataclass(frozen=True)
class Images(Pictured, InMemory):
    """A data set of images in memory, (n, C, H, W) float32 in each split.

    Attributes:
        named: the digest, where it is known; None to make it of all values.
    """

    named: str | None = None

    @property
    def digest(self) -> str:
        return self.named or super().digest

    def training_values(self) -> Tensor:
        return self.train
