"""The global generators, seeded for code that draws from them: a user's, or torchvision's."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, devices: Iterable[torch.device] = ()) -> Iterator[None]:
    """What is drawn inside from the global generators of torch, NumPy and Python depends on `seed`
    alone; afterwards they are what they were before.

    Args:
        seed: of all of them, from 0.
        devices: of which the generators of GPUs are meant, beside those of the CPU.
    """
    on_gpu = [device for device in devices if device.type == "cuda"]
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
