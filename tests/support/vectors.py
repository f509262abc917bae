"""Vectors of five numbers: data that is no images, as somebody with a table has."""

import torch

from betafront.data import InMemory, in_memory

# Five columns that two hidden causes explain but for noise: (5, 2).
CAUSES = ((1.0, 0.0), (0.8, 0.5), (-0.6, 0.9), (0.0, 1.2), (0.5, -0.5))
NOISE = 0.3


def vectors(
    name: str = "vectors",
    n: int = 400,
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    split_seed: int = 0,
    limit: int | None = None,
) -> InMemory:
    """`n` draws of a Gaussian whose five dimensions are correlated."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, 2, generator=generator)
    noise = NOISE * torch.randn(n, 5, generator=generator)
    x = hidden @ torch.tensor(CAUSES).T + noise
    return in_memory(name, x, val=val, test=test, split_seed=split_seed, limit=limit)
