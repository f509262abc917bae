"""The global generators, seeded for code that draws from them: a user's, or torchvision's."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """What is drawn inside from the global generators of torch, NumPy and Python depends on `seed`
    alone; afterwards they are what they were before.

    Args:
        seed: of all of them, from 0.
        device: a GPU, whose generator is meant too; None or the CPU for those of the CPU alone.
    """
    on_gpu = [device] if device is not None and device.type == "cuda" else []
    before = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(on_gpu):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` would seed every GPU
        for gpu in on_gpu:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before[0])
            random.setstate(before[1])
