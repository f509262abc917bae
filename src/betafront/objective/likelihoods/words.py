"""Words: a mass on the symbols of a vocabulary, at each position of a sentence."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood, raised

PADDING, END, UNKNOWN = 0, 1, 2
"""Symbols that every vocabulary has: what follows a sentence in a batch of longer ones and counts
nowhere, the end of a sentence (`<eos>`), and a word outside of the vocabulary (`<unk>`)."""


class Words(Likelihood):
    """`p(x_t|z, …) = softmax(decoder)` over V symbols at each position t, summed up to the
    `<eos>` of a sentence; what follows that is padding, and counts nowhere.

    An example is (l,) symbols, int64, of which a batch is (B, l) for the longest of its sentences;
    the decoder's output is (B, l, V), V logits per position.
    """

    density: ClassVar[bool] = False
    in_data_units: ClassVar[bool] = False
    of_symbols: ClassVar[bool] = True

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        assert self.symbols is not None  # told by who makes it
        return *shape, self.symbols

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        return self.log_prob_each(raised(params), x).sum(1)

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        """(B, l) nats of each symbol; 0 of padding."""
        if len(params) < len(x):  # the same for all examples: V numbers per position, looked up
            each = params[0].log_softmax(1).gather(1, x.T).T
            return each.masked_fill(x == PADDING, 0.0)
        logits, targets = params.flatten(0, 1), x.flatten()
        each = cross_entropy(logits, targets, ignore_index=PADDING, reduction="none")
        return -each.view(x.shape)

    def mean(self, params: Tensor) -> Tensor:
        """(B, l) the likeliest symbol of each position, as a sentence: symbols have no mean."""
        return up_to_the_end(_without_padding(params).argmax(2))

    def sample(self, params: Tensor) -> Tensor:
        flat = _without_padding(params).softmax(2).flatten(0, 1)
        return up_to_the_end(torch.multinomial(flat, 1).view(params.shape[:2]))

    def check(self, x: Tensor) -> None:
        if x.is_floating_point():
            raise UserError(
                "likelihood=words is for sentences, sequences of the numbers of words as data=text "
                "has them, and this data is real numbers: use likelihood=gaussian"
            )
        least, most = int(x.min()), int(x.max())
        if least < 0 or (self.symbols is not None and most >= self.symbols):
            raise UserError(
                f"likelihood=words: the data has symbols from {least} to {most}, and a vocabulary "
                f"of {self.symbols} has those from 0 to {(self.symbols or 0) - 1}"
            )


def up_to_the_end(x: Tensor) -> Tensor:
    """(B, l) sentences, in which padding follows the first `<eos>` of each."""
    ended = (x == END).cumsum(1) - (x == END).long()  # ends before each position
    return x.masked_fill(ended > 0, PADDING)


def _without_padding(params: Tensor) -> Tensor:
    """Logits of a softmax that gives padding no mass: no example has it before its end."""
    logits = raised(params).clone()
    logits[..., PADDING] = -torch.inf
    return logits
