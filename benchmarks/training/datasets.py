"""A Dataset in memory and streamed: the bits of its batches, and the time of an epoch of each.

The Dataset decodes a JPEG of 96 x 96 pixels for each example, from memory, so that no disk is
measured. Nothing is trained: an epoch is the reading of all batches. In memory every JPEG is
decoded once, before; streamed it is in each epoch, by this process or by others.

    python -m benchmarks.training.datasets
"""

import argparse
import hashlib
import io
import time
from typing import Any

import numpy as np
import torch
from benchmarks.common import say_where
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch.utils.data import Dataset

from betafront.data import Data, dataset

SIDE = 96


class Pictures(Dataset[Any]):
    """JPEGs of noise that is smooth enough to be packed like photographs."""

    def __init__(self, n: int) -> None:
        random = np.random.default_rng(0)
        self.packed = [self._packed(random) for _ in range(n)]

    def _packed(self, random: np.random.Generator) -> bytes:
        coarse = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        file = io.BytesIO()
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        return file.getvalue()

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, i: int) -> Any:
        return Image.open(io.BytesIO(self.packed[i]))


def passes(data: Data, epochs: int) -> tuple[list[float], str]:
    """Seconds of each epoch, and a digest of the batches of the first."""
    sha, seconds = hashlib.sha256(), []
    batches = data.batches("train", 64, torch.Generator().manual_seed(0))
    for epoch in range(epochs):
        began = time.perf_counter()
        for batch in batches:
            if epoch == 0:
                sha.update(batch.numpy().tobytes())
        seconds.append(time.perf_counter() - began)
    return seconds, sha.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=3)
    asked = parser.parse_args()
    console = Console()
    say_where(console, ("torch", "pillow"))
    given = Pictures(asked.examples)
    shown = Table("examples", "made, s", "an epoch, s", "digest of the batches", box=None)
    for how in ({"in_memory": True}, *({"in_memory": False, "workers": w} for w in (0, 1, 2))):
        began = time.perf_counter()
        data = dataset("pictures", given, val=0.05, test=0.05, **how)  # type: ignore[arg-type]
        made = time.perf_counter() - began
        seconds, digest = passes(data, asked.epochs)
        name = "in memory" if how["in_memory"] else f"streamed, workers={how['workers']}"
        later = min(seconds[1:], default=seconds[0])
        shown.add_row(name, f"{made:.2f}", f"{later:.2f}", digest)
    console.print(shown)


if __name__ == "__main__":
    main()
