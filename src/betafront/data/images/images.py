"""Images in memory: data with a picture, grey levels and a size."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from betafront.data.data import Outcome
from betafront.data.images.levels import dequantized
from betafront.data.images.new_images import ImagePreparation
from betafront.data.images.pictures import draw
from betafront.data.tensors import InMemory, TensorBatches
from betafront.models import Model
from betafront.objective.likelihoods.grid import Grid


@dataclass(frozen=True)
class Images(InMemory):
    """A data set of images, (n, C, H, W) float32 in each split.

    Attributes:
        levels: the number k of their grey levels, if it is known.
        dequantized: whether each value is `(i + u) / k`, spread over the cell of its level i. Then
            a likelihood for the levels must be told so.
        side: pixels a side that the images were brought to, if they were.
        binarize: the grey value above which a pixel became 1, if one was chosen.
    """

    levels: int | None = None
    dequantized: bool = False
    side: int | None = None
    binarize: float | None = None

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
        within the cell of its level; batches in order are the stored images."""
        renew = None
        if self.levels is not None and self.dequantized:
            renew = partial(dequantized, grid=Grid(self.levels))
        return TensorBatches(self.examples(split), size, generator, renew)

    def show(self, model: Model, outcome: Outcome, folder: Path) -> None:
        """Write `reconstructions.png`, `samples.png` and `traversals.png`."""
        draw(model, self.examples("val"), outcome, folder)
