"""A probabilistic context-free grammar: sentences, their probabilities, and the entropy."""

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import NamedTuple

import numpy as np

from betafront.errors import UserError


class Rule(NamedTuple):
    """One way to write a symbol.

    Attributes:
        p: its probability, among the rules of the symbol.
        parts: symbols of the grammar, and words.
    """

    p: float
    parts: tuple[str, ...]


class Derived(NamedTuple):
    """A sentence, and how it was derived.

    Attributes:
        words: the sentence.
        log_p: of the derivation, in nats; of an unambiguous grammar that of the sentence.
        first: the number of the rule of the start symbol.
    """

    words: tuple[str, ...]
    log_p: float
    first: int


class Grammar:
    """Sentences are derived from a start symbol, each symbol by one of its rules.

    Args:
        rules: of each symbol, whose probabilities add up to 1. What has no rules is a word. No
            symbol may begin what is derived from it (left recursion).
        start: symbol.
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]], start: str) -> None:
        for symbol, ways in rules.items():
            if not math.isclose(math.fsum(rule.p for rule in ways), 1, rel_tol=1e-9):
                raise UserError(f"the rules of {symbol} have probabilities that do not add up to 1")
        self.rules = rules
        self.start = start
        self._up_to = {s: list(accumulate(rule.p for rule in ways)) for s, ways in rules.items()}

    def sentence(self, random: Random) -> Derived:
        """A sentence, derived with draws of `random`."""
        words, log_p, first, waiting = list[str](), 0.0, -1, [self.start]
        while waiting:
            symbol = waiting.pop()
            ways = self.rules.get(symbol)
            if ways is None:
                words.append(symbol)
                continue
            which = min(bisect(self._up_to[symbol], random.random()), len(ways) - 1)
            first = which if first < 0 else first
            log_p += math.log(ways[which].p)
            waiting += reversed(ways[which].parts)
        return Derived(tuple(words), log_p, first)

    @cached_property
    def entropy(self) -> float:
        """The entropy of the derivations in nats; of an unambiguous grammar that of the sentences.

        The entropy of a symbol is that of the choice of its rule, and the mean over the rules of
        the entropies of their parts: one linear equation for each symbol (Grenander 1976).

        Raises:
            UserError: sentences have no mean length, so the sum does not converge.
        """
        number = {symbol: i for i, symbol in enumerate(self.rules)}
        mean = np.zeros((len(number), len(number)))  # parts of each symbol, of one rule
        own = np.zeros(len(number))
        for symbol, ways in self.rules.items():
            own[number[symbol]] = -math.fsum(r.p * math.log(r.p) for r in ways if r.p > 0)
            for rule in ways:
                for part in rule.parts:
                    if part in number:
                        mean[number[symbol], number[part]] += rule.p
        if np.abs(np.linalg.eigvals(mean)).max() >= 1:
            raise UserError("a grammar whose sentences have no mean length has no entropy")
        return float(np.linalg.solve(np.eye(len(number)) - mean, own)[number[self.start]])

    def log_prob(self, words: Sequence[str]) -> float:
        """Ln P of a sentence, over all of its derivations; minus infinity where it has none."""
        p = self._ends(self.start, tuple(words), 0, {}).get(len(words), 0.0)
        return math.log(p) if p > 0 else -math.inf

    def _ends(
        self,
        symbol: str,
        words: tuple[str, ...],
        at: int,
        known: dict[tuple[str, int], dict[int, float]],
    ) -> dict[int, float]:
        """The probability that a symbol is written as the words from `at` up to each end."""
        if symbol not in self.rules:
            return {at + 1: 1.0} if words[at : at + 1] == (symbol,) else {}
        if (symbol, at) not in known:
            total: dict[int, float] = {}
            for rule in self.rules[symbol]:
                reached = {at: rule.p}
                for part in rule.parts:
                    after: dict[int, float] = {}
                    for middle, p in reached.items():
                        for end, more in self._ends(part, words, middle, known).items():
                            after[end] = after.get(end, 0.0) + p * more
                    reached = after
                for end, p in reached.items():
                    total[end] = total.get(end, 0.0) + p
            known[symbol, at] = total
        return known[symbol, at]
