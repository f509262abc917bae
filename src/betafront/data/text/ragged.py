"""Sentences of one split, without their padding, which each part that is asked for gets."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from betafront.data.in_splits import ReadByNumber
from betafront.objective.likelihoods.words import PADDING


class Ragged(ReadByNumber):
    """Sentences of symbols one after the other, each with its end. A part of them is (k, l) int64,
    padded up to its longest sentence.

    Args:
        symbols: () int32 of all sentences.
        ends: (n,) int64 where each sentence ends.
        longest: L, of all splits.
    """

    def __init__(self, symbols: Tensor, ends: Tensor, longest: int) -> None:
        self.symbols = symbols
        self.ends = ends
        self.starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        self.shape = (len(ends), longest)

    @classmethod
    def of(cls, sentences: Sequence[Sequence[int]], longest: int) -> "Ragged":
        """Sentences of symbols, each with its end."""
        lengths = torch.tensor([len(sentence) for sentence in sentences], dtype=torch.int64)
        every = [symbol for sentence in sentences for symbol in sentence]
        return cls(torch.tensor(every, dtype=torch.int32), lengths.cumsum(0), longest)

    @property
    def device(self) -> torch.device:
        return self.symbols.device

    @property
    def lengths(self) -> Tensor:
        """(n,) int64 the tokens of each sentence, with its end."""
        return self.ends - self.starts

    def numbered(self, numbers: Tensor) -> Tensor:
        numbers = numbers.to(self.device)
        starts, lengths = self.starts[numbers], self.lengths[numbers]
        along = torch.arange(int(lengths.max()) if len(lengths) else 0, device=self.device)
        inside = along < lengths[:, None]
        places = torch.where(inside, starts[:, None] + along, 0)
        return torch.where(inside, self.symbols[places].long(), PADDING)

    def padded(self, limit: int | None = None) -> Tensor:
        """(n, L) int64 the first `limit` sentences, or all of them."""
        part = self[:limit]
        return torch.nn.functional.pad(part, (0, self.shape[1] - part.shape[1]))

    def to(self, device: torch.device | str) -> "Ragged":
        """The same sentences on `device`."""
        return Ragged(self.symbols.to(device), self.ends.to(device), self.shape[1])

    def update(self, sha: "hashlib._Hash") -> None:
        """Add all sentences to a digest."""
        sha.update(self.ends.cpu().numpy().tobytes())
        sha.update(self.symbols.cpu().numpy().tobytes())
