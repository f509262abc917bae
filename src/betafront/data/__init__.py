"""Data sets as tensors in memory, split by a seed and named by a digest."""

from betafront.data.digits import digits
from betafront.data.factors import Factors, Known
from betafront.data.images import Batches, Images
from betafront.data.published import dsprites, shapes3d
from betafront.data.sprites import sprites
from betafront.data.tensor import tensor
from betafront.data.torchvision import torchvision

__all__ = [
    "Batches",
    "Factors",
    "Images",
    "Known",
    "digits",
    "dsprites",
    "shapes3d",
    "sprites",
    "tensor",
    "torchvision",
]
