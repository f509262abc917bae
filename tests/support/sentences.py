"""Sentences of a few words, in memory: who does what, and how often."""

from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.data.tensors import InMemory, splits
from betafront.objective.likelihoods.words import END, PADDING

SUBJECTS, VERBS, LONGEST = (3, 4, 5), (6, 7), 6
VOCABULARY = 9


@dataclass(frozen=True)
class Sentences(InMemory):
    """A data set of sentences, (n, L) int64 in each split."""

    @property
    def symbols(self) -> int:
        return VOCABULARY


def sentences(n: int = 120, seed: int = 0) -> Sentences:
    """`n` sentences of two to five words: a subject, a verb, and the word 8 up to three times."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (n,), generator=generator)

    x = torch.full((n, LONGEST), PADDING)
    x[:, 0], x[:, 1], more = drawn(3, 6), drawn(6, 8), drawn(0, 4)
    x[:, 2:5] = torch.where(torch.arange(3) < more[:, None], 8, PADDING)
    x[torch.arange(n), 2 + more] = END
    found = splits("sentences", x, val=0.2, test=0.2, split_seed=0, limit=None)
    return Sentences("sentences", **found.parts)
