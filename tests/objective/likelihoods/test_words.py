"""The likelihood of sentences: a softmax at each position up to the end."""

import pytest
import torch

from betafront.errors import UserError
from betafront.objective import Words, told
from betafront.objective.likelihoods.words import END, PADDING

X = torch.tensor([[3, 4, END, PADDING], [5, END, PADDING, PADDING], [3, 3, 3, END]])


def likelihood() -> Words:
    made = Words()
    told(made, 6)
    return made


def test_it_is_a_mass_of_each_symbol_up_to_the_end() -> None:
    params = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))
    mass = torch.distributions.Categorical(logits=params.double())
    each = mass.log_prob(X) * (X != PADDING)
    torch.testing.assert_close(likelihood().log_prob(params.double(), X), each.sum(1))
    assert likelihood().log_prob(params.bfloat16(), X).dtype == torch.float32
    assert likelihood().output_shape((4,)) == (4, 6)


def test_one_output_stands_for_every_sentence() -> None:
    params = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(0))
    one, three = (likelihood().log_prob(p, X) for p in (params, params.expand(3, -1, -1)))
    torch.testing.assert_close(one, three)


def test_likeliest_and_drawn_sentences_end_once() -> None:
    torch.manual_seed(0)
    params = 2 * torch.randn(50, 4, 6)
    params[..., PADDING] = 50.0  # what never is in a sentence has no mass there
    for x in (likelihood().mean(params), likelihood().sample(params)):
        assert x.shape == (50, 4)
        for row in x.tolist():
            words = row[: row.index(END)] if END in row else row
            assert PADDING not in words
            assert all(symbol == PADDING for symbol in row[len(words) + 1 :])


def test_what_is_no_sentence_is_refused() -> None:
    likelihood().check(X)
    with pytest.raises(UserError, match=r"likelihood=words is for sentences.* real numbers"):
        likelihood().check(X.float())
    with pytest.raises(UserError, match="symbols from 0 to 5, and a vocabulary of 4"):
        told(Words(), 4).check(X)
