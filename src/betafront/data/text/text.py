"""Sentences, from the user's file or from the language of the project's own: `data=text`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from betafront.data.data import SPLITS
from betafront.data.factors import Table
from betafront.data.tensors import splits
from betafront.data.text import grammar
from betafront.data.text.buckets import Buckets, padding
from betafront.data.text.ragged import Ragged
from betafront.data.text.reading import read
from betafront.data.text.sentences import Text
from betafront.data.text.vocabulary import Tokens, Vocabulary, check_splitting, tokens
from betafront.errors import UserError
from betafront.objective.likelihoods.words import UNKNOWN

OF_GRAMMAR = 10_000  # sentences
MOST = 2**27  # symbols of all sentences, padded to the longest: 1 GiB
BATCH = 64  # sentences, of which the padding is measured
TRUE_NLL = "true_nll"
"""Where the result of a run has the mean of -ln P of the sentences of each split, in nats."""

WASTED = 0.2  # the part of a batch beyond which it is said


class Source(NamedTuple):
    """Sentences before they are split.

    Attributes:
        tokens: of each.
        changed: what was left out of a file or cut, in words.
        factors: what varies behind them, if that is known.
        log_p: ln P of each in nats, if that is known.
    """

    tokens: Sequence[Tokens]
    changed: str = ""
    factors: Table | None = None
    log_p: Sequence[float] = ()


def text(
    name: str,
    path: str | None = None,
    vocabulary: int | None = None,
    min_count: int = 1,
    max_length: int | None = None,
    long: str = "refuse",
    empty: str = "refuse",
    split: str = "words",
    lower: bool = False,
    buckets: bool = True,
    sentences: int = OF_GRAMMAR,
    seed: int = 0,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
) -> Text:
    """Sentences of a file, one on each line, or of the language of `betafront.data.text.grammar`,
    whose entropy is known.

    Args:
        name: what the data is called in tables and records.
        path: a text in UTF-8, plain or compressed (`.gz`); None for the language.
        vocabulary: words that have a symbol of their own, the most frequent ones of the training
            split; None for all of that split. Every other word is `<unk>`.
        min_count: times that such a word must occur in the training split.
        max_length, long, empty: of a file, as in `betafront.data.text.reading.read`.
        split: `words`, between white space, or `characters`.
        lower: make everything lower case.
        buckets: make training batches of sentences of similar length.
        sentences, seed: how many are drawn from the language, and with which seed.
        val, test, split_seed, limit: as in `betafront.data.tensors.splits`.

    Raises:
        UserError: naming the file and the line, as in `read`; or there are too few words, or a
            setting will not do.
    """
    check_splitting(split)
    _check_counts(vocabulary=vocabulary, min_count=min_count, sentences=sentences)
    if path is None:
        source = _of_grammar(sentences, seed, split, lower, max_length)
    else:
        found = read(str(path), split, lower, max_length, long, empty)
        source = Source(found.tokens, found.changed)
    parted = splits(
        name,
        torch.arange(len(source.tokens)),
        factors=source.factors,
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
    )
    rows = {s: parted.parts[s].tolist() for s in SPLITS}
    of = {s: [source.tokens[i] for i in rows[s]] for s in SPLITS}
    known = Vocabulary.of(of["train"], vocabulary, min_count, split, lower)
    _check_vocabulary(known, path)
    parts = _symbols(of, known)
    unknown = {s: _unknown(part) for s, part in parts.items()}
    waste = _padding(parts["train"], buckets)
    truth = {} if any(unknown.values()) else _truth(source.log_p, rows)
    return Text(
        name,
        **parts,
        factors=parted.factors,
        note=_note(unknown, split, source.changed, waste),
        vocabulary=known,
        buckets=buckets,
        more={"unknown": unknown, "padding": waste, **truth},
    )


def _of_grammar(n: int, seed: int, split: str, lower: bool, max_length: int | None) -> Source:
    if max_length is not None:
        raise UserError("data.max_length is for a file of your own (data.path): leave it out")
    drawn = grammar.sentences(n, seed)
    found = [tokens(" ".join(words), split, lower) for words in drawn.words]
    ordinal = [False] * len(grammar.FACTORS)
    return Source(found, "", Table.of(grammar.FACTORS, ordinal, drawn.factors), drawn.log_p)


def _check_counts(**settings: int | None) -> None:
    for key, value in settings.items():
        if value is not None and (isinstance(value, bool) or value < 1):
            raise UserError(f"data.{key} must be at least 1, not {value}")


def _check_vocabulary(known: Vocabulary, path: str | None) -> None:
    if len(known.words) < 2:
        of = f"of {path} " if path is not None else ""
        only = f"one word, '{known.words[0]}'" if known.words else "no word"
        raise UserError(
            f"data: the training sentences {of}have a vocabulary of {only}: give text of more, or a"
            " larger data.vocabulary or smaller data.min_count"
        )


def _symbols(of: Mapping[str, Sequence[Tokens]], known: Vocabulary) -> dict[str, Ragged]:
    """The sentences of each split.

    Raises:
        UserError: padded to the longest, they take more memory than there should be.
    """
    longest = 1 + max(len(sentence) for part in of.values() for sentence in part)
    if longest * sum(map(len, of.values())) > MOST:
        raise UserError(
            f"data: the longest sentence has {longest - 1:,} {known.split}, and all are padded to "
            "that length: set data.max_length, with data.long=cut or skip"
        )
    return {s: Ragged.of([known.encode(one) for one in part], longest) for s, part in of.items()}


def _unknown(part: Ragged) -> float:
    """The part of the words of a split that are none of the vocabulary."""
    words = len(part.symbols) - len(part)
    return float((part.symbols == UNKNOWN).sum()) / words


def _padding(train: Ragged, buckets: bool) -> float:
    """The part of the symbols of shuffled training batches that is padding."""
    generator = torch.Generator().manual_seed(0)
    order = Buckets(train, BATCH, generator)
    batches = order.numbers()
    if not buckets:
        batches = batches.flatten()[torch.randperm(batches.numel(), generator=generator)]
    return padding(train.lengths, batches.view(-1, order.size))


def _truth(log_p: Sequence[float], rows: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """What is known of sentences whose probabilities are known, in nats per sentence: the entropy
    of the language, and the mean of -ln P over each split."""
    if not log_p:
        return {}
    means = {s: -sum(log_p[i] for i in numbers) / len(numbers) for s, numbers in rows.items()}
    return {"entropy": grammar.entropy(), TRUE_NLL: means}


def _note(unknown: Mapping[str, float], split: str, changed: str, waste: float) -> str:
    """What is said before training; empty where all is as it was given."""
    rare = ", ".join(f"{part:.2g} % of {s}" for s, part in _percent(unknown))
    said = [
        f"{split} outside the vocabulary are <unk>: {rare}" if any(unknown.values()) else "",
        changed,
        f"{waste:.0%} of the symbols in training batches of {BATCH} are padding"
        if waste > WASTED
        else "",
    ]
    line = "; ".join(filter(None, said))
    return f"{line[:1].upper()}{line[1:]}." if line else ""


def _percent(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(split, 100 * part) for split, part in parts.items()]
