"""Sentences as data: symbols of a vocabulary, padded batch by batch."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.data.batches import TensorBatches
from betafront.data.data import SPLITS, Batches, Outcome
from betafront.data.in_splits import InSplits
from betafront.data.new_examples import Preparation
from betafront.data.text.buckets import Buckets
from betafront.data.text.ragged import Ragged
from betafront.data.text.texts import EXAMPLES, write
from betafront.data.text.vocabulary import Vocabulary
from betafront.errors import UserError
from betafront.models import Model
from betafront.objective import Likelihood, told
from betafront.objective.likelihoods.words import PADDING


@dataclass(frozen=True)
class TextPreparation(Preparation):
    """Sentences become the symbols of the vocabulary that a model was trained on.

    Attributes:
        shape: (L,), the most symbols of a sentence, with its end.
        words, split, lower: as in `Vocabulary`.
    """

    kind: ClassVar[str] = "text"

    words: tuple[str, ...]
    split: str
    lower: bool

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.words, self.split, self.lower)

    @property
    def symbols(self) -> int:
        return self.vocabulary.symbols

    def __call__(self, examples: ArrayLike | Tensor) -> Tensor:
        """(n, L) int64 symbols, padded.

        Args:
            examples: n sentences; a word that is not in the vocabulary becomes `<unk>`.

        Raises:
            UserError: they are no sentences, or one of them is empty or longer than L.
        """
        given = _listed(examples)
        made = torch.full((len(given), *self.shape), PADDING)
        for i, sentence in enumerate(given):
            symbols = self.vocabulary.encode(self.vocabulary.tokens(sentence.strip()))
            if len(symbols) < 2:
                raise UserError(f"sentence {i} is empty")
            if len(symbols) > self.shape[0]:
                raise UserError(
                    f"sentence {i} has {len(symbols) - 1} {self.split}, and the model is for up "
                    f"to {self.shape[0] - 1}: shorten it"
                )
            made[i, : len(symbols)] = torch.tensor(symbols)
        return made

    def back(self, made: Tensor) -> Any:
        """The sentences, a list of n, of (n, l) symbols that a model made."""
        return [self.vocabulary.sentence(symbols) for symbols in made]


def _listed(examples: Any) -> list[str]:
    """The sentences of a list or an array of them.

    Raises:
        UserError: it holds anything else.
    """
    given = examples.tolist() if isinstance(examples, np.ndarray) else examples
    if isinstance(given, str):
        raise UserError("give a list of sentences, as ['one sentence', 'another one']")
    try:
        sentences = list(given)
    except TypeError:
        sentences = []
    if not sentences or not all(isinstance(each, str) for each in sentences):
        raise UserError("the model is for sentences: give a list of strings")
    return sentences


@dataclass(frozen=True)
class Text(InSplits[Ragged]):
    """A data set of sentences. An example is (L,) int64 symbols: those of its words, the end of the
    sentence, and padding up to the longest sentence of all; parts of a split and batches are padded
    up to their own longest one.

    Attributes:
        vocabulary: of the training split.
        buckets: whether the sentences of a shuffled batch are of similar length.
        more: of `about`, beside what is said of all text.
    """

    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))
    buckets: bool = True
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def symbols(self) -> int:
        return self.vocabulary.symbols

    @property
    def dims(self) -> int:
        """N, the mean number of tokens of a training sentence, with its end, to the nearest whole
        number."""
        return max(1, round(self.tokens("train")))

    def tokens(self, split: str) -> float:
        """The mean number of tokens of a sentence, with its end."""
        return float(self.rows(split).lengths.double().mean())

    @property
    def about(self) -> dict[str, Any]:
        return {"symbols": self.symbols, "tokens": {s: self.tokens(s) for s in SPLITS}, **self.more}

    @cached_property
    def digest(self) -> str:  # type: ignore[override]
        """Of the vocabulary, and of all sentences in their order and splits."""
        sha = hashlib.sha256(repr(self.vocabulary).encode())
        for split in SPLITS:
            self.rows(split).update(sha)
        return sha.hexdigest()[:16]

    @property
    def preparation(self) -> TextPreparation:
        known = self.vocabulary
        return TextPreparation(self.shape, known.words, known.split, known.lower)

    def examples(self, split: str, limit: int | None = None) -> Tensor:
        return self.rows(split).padded(limit)

    def batches(self, split: str, size: int, generator: torch.Generator | None = None) -> Batches:
        if generator is None or not self.buckets:
            return TensorBatches(self.rows(split), size, generator)
        return Buckets(self.rows(split), size, generator)

    def check(self, likelihood: Likelihood) -> None:
        told(likelihood, self.symbols)  # refused, where it is for numbers
        for split in SPLITS:
            likelihood.check(self.rows(split).symbols.long())

    def show(self, model: Model, outcome: Outcome, folder: Path) -> None:
        """Write `reconstructions.txt`, `interpolations.txt` and `samples.txt`."""
        write(model, self.examples("val", EXAMPLES), self.vocabulary.sentence, outcome, folder)
