"""Data sets behind one contract, split by a seed and named by a digest."""

from betafront.data.cautions import data_cautions
from betafront.data.counts.counts import counts
from betafront.data.data import SPLITS, Batches, Data, Examples
from betafront.data.datasets.dataset import dataset
from betafront.data.factors import Factors, Known
from betafront.data.folder import folder
from betafront.data.images import Images, StreamedImages
from betafront.data.new_examples import Preparation
from betafront.data.sets.digits import digits
from betafront.data.sets.patches import patches
from betafront.data.sets.published import dsprites, shapes3d
from betafront.data.sets.sprites import sprites
from betafront.data.sets.torchvision import torchvision
from betafront.data.streamed import Streamed
from betafront.data.tables.table import table
from betafront.data.tensor import tensor
from betafront.data.tensors import InMemory, in_memory
from betafront.data.text.text import text

__all__ = [
    "SPLITS",
    "Batches",
    "Data",
    "Examples",
    "Factors",
    "Images",
    "InMemory",
    "Known",
    "Preparation",
    "Streamed",
    "StreamedImages",
    "counts",
    "data_cautions",
    "dataset",
    "digits",
    "dsprites",
    "folder",
    "in_memory",
    "patches",
    "shapes3d",
    "sprites",
    "table",
    "tensor",
    "text",
    "torchvision",
]
