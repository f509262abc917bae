"""The vocabulary: from a sentence to its symbols, and back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from torch import Tensor

from betafront.errors import UserError, near_miss
from betafront.objective.likelihoods.words import END, UNKNOWN

SPLITTING = {"words": " ", "characters": ""}
"""What a sentence can be split into, and what stands between two of them."""

ENDING, RARE = "<eos>", "<unk>"
SPECIAL = 3
"""Symbols that are no words: padding, the end of a sentence, a word that is not known."""

Tokens = Sequence[str]


@dataclass(frozen=True)
class Vocabulary:
    """The words that have a symbol of their own: that of the k-th word is k + 3, from k = 0.

    Attributes:
        words: by falling frequency, those of the same frequency in the order of the alphabet.
        split: what a sentence is split into, a key of `SPLITTING`.
        lower: whether it becomes lower case.
    """

    words: tuple[str, ...]
    split: str = "words"
    lower: bool = False

    @classmethod
    def of(
        cls,
        sentences: Iterable[Tokens],
        most: int | None,
        min_count: int,
        split: str,
        lower: bool,
    ) -> Self:
        """The vocabulary of the training sentences.

        Args:
            sentences: of the training split.
            most: words, the most frequent ones; None for all.
            min_count: times that a word must occur.
            split, lower: as above.
        """
        counts = Counter(token for sentence in sentences for token in sentence)
        counts.pop(RARE, None)  # as some texts have it in place of rare words
        ordered = sorted(counts.items(), key=lambda known: (-known[1], known[0]))
        return cls(tuple(w for w, n in ordered if n >= min_count)[:most], split, lower)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The symbol of each word."""
        return {word: SPECIAL + k for k, word in enumerate(self.words)}

    @property
    def symbols(self) -> int:
        """V, the number of distinct symbols."""
        return SPECIAL + len(self.words)

    def tokens(self, sentence: str) -> Tokens:
        """The words or the characters of a sentence."""
        return tokens(sentence, self.split, self.lower)

    def encode(self, sentence: Tokens) -> list[int]:
        """The symbols of a sentence, with its end."""
        return [*(self.numbers.get(token, UNKNOWN) for token in sentence), END]

    def sentence(self, symbols: Tensor | Sequence[int]) -> str:
        """The sentence of (l,) symbols up to its end; "…" follows where there is none."""
        found, between = list[str](), SPLITTING[self.split]
        for symbol in symbols.tolist() if isinstance(symbols, Tensor) else symbols:
            if symbol == END:
                return between.join(found)
            if symbol >= SPECIAL:
                found.append(self.words[symbol - SPECIAL])
            elif symbol == UNKNOWN:
                found.append(RARE)
        return between.join([*found, "…"])


def tokens(sentence: str, split: str, lower: bool) -> Tokens:
    """The words between the white space of a sentence, or its characters."""
    plain = sentence.lower() if lower else sentence
    return plain.split() if split == "words" else list(plain)


def check_splitting(split: str) -> None:
    """Refuse what a sentence cannot be split into.

    Raises:
        UserError: naming the near miss.
    """
    if split not in SPLITTING:
        raise UserError(
            f"data.split: no text is split into '{split}': {near_miss(split, SPLITTING)}"
        )
