"""The sentence VAE: what p(x|z) says of a sentence, and what it writes."""

from typing import Any

import pytest
import torch
from tests.support.sentences import LONGEST, VOCABULARY, sentences
from torch import Tensor

from betafront.errors import UserError
from betafront.models import (
    check_model,
    conv,
    conv1d,
    hierarchical,
    ladder,
    linear,
    mlp,
    resnet,
    sentence,
)
from betafront.models.architectures.sentence import Sentence
from betafront.objective import Gaussian, Words, told
from betafront.objective.likelihoods.words import END, PADDING, UNKNOWN


def model(seed: int = 0, **settings: Any) -> Sentence:
    torch.manual_seed(seed)
    small = {"latents": 2, "embedding": 5, "hidden": 7} | settings
    return sentence((LONGEST,), told(Words(), VOCABULARY), **small)


@pytest.fixture(scope="module")
def x() -> Tensor:
    return sentences().examples("val")


@pytest.mark.parametrize("layers", [1, 2])
def test_log_px_is_the_sum_over_the_words_each_given_those_before(x: Tensor, layers: int) -> None:
    vae = model(layers=layers).double().eval()
    z = torch.randn(4, 2, dtype=torch.float64)
    found = vae.log_px(z, x[:4])
    for code, words, log_px in zip(z, x.tolist(), found.tolist(), strict=False):
        state, before, total = vae.decoder.start(code[None]), END, 0.0
        for word in words[: words.index(END) + 1]:
            logits, state = vae.decoder.step(torch.tensor([before]), code[None], state)
            total += float(logits[0, word] - torch.logsumexp(logits[0], 0))
            before = word
        assert log_px == pytest.approx(total, rel=1e-12)


def test_padding_counts_nowhere(x: Tensor) -> None:
    vae, z = model().eval(), torch.randn(len(x), 2)
    longer = torch.cat([x, torch.full((len(x), 3), PADDING)], 1)
    shorter = x[:, : int((x != PADDING).sum(1).max())]
    for other in (longer, shorter):
        assert torch.equal(vae.log_px(z, other), vae.log_px(z, x))
        assert torch.equal(vae.encode(other).mean, vae.encode(x).mean)
    alone = x[:1, : int((x[0] != PADDING).sum())]  # as with longer ones in its batch
    torch.testing.assert_close(vae.log_px(z[:1], alone), vae.log_px(z, x)[:1])
    torch.testing.assert_close(vae.code(alone), vae.code(x)[:1])


def test_words_are_dropped_in_training_alone(x: Tensor) -> None:
    whole, dropping, z = model(), model(word_dropout=0.5), torch.randn(len(x), 2)
    trained = []
    for _ in range(2):
        torch.manual_seed(1)
        trained.append(dropping.log_px(z, x))
    assert torch.equal(*trained)
    assert not torch.equal(trained[0], whole.log_px(z, x))
    assert torch.equal(dropping.eval().log_px(z, x), whole.eval().log_px(z, x))
    torch.manual_seed(1)
    seen = dropping.decoder.train().seen(torch.full((500, 20), 3))
    assert (seen[:, 0] == 3).all()
    assert (seen[:, 1:] == UNKNOWN).float().mean().item() == pytest.approx(0.5, abs=0.02)  # 4 σ


def test_a_decoder_without_inputs_knows_the_code_and_the_position_alone() -> None:
    vae, z = model(word_dropout=1).eval(), torch.randn(1, 2).expand(4, 2)
    pairs = torch.tensor([[3, 6, END], [4, 7, END], [3, 7, END], [4, 6, END]])
    one, two, three, four = vae.log_px(z, pairs)
    torch.testing.assert_close(one + two, three + four)  # the words are independent given z
    assert not torch.isclose(one, three)
    assert vae.decode(z).shape == (4, LONGEST)


def test_greedy_writing_takes_the_likeliest_word_up_to_the_end() -> None:
    vae, z = model(seed=3).eval(), 3 * torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        vae.decoder.output.bias[END] += 0.2  # so that some sentences end before the last position
    written = vae.decode(z)
    assert written.dtype == torch.int64 and written.shape == (6, LONGEST)
    assert len({row.tolist().index(END) for row in written}) > 1
    for code, row in zip(z, written.tolist(), strict=True):
        end = row.index(END)
        assert all(word == PADDING for word in row[end + 1 :])
        state, before = vae.decoder.start(code[None]), END
        for word in row[: min(end + 1, LONGEST - 1)]:
            logits, state = vae.decoder.step(torch.tensor([before]), code[None], state)
            assert word == int(logits[0, 1:].argmax()) + 1
            before = word


def test_sampled_words_have_their_masses_and_repeat() -> None:
    vae, n = model(seed=1).eval(), 4000
    with torch.no_grad():
        vae.decoder.output.weight *= 4
    z = torch.ones(1, 2).expand(n, 2)
    first, again = (vae.sample(z, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(first, again)
    start = vae.decoder.start(z[:1])
    masses = vae.decoder.step(torch.tensor([END]), z[:1], start)[0].detach()
    masses[:, PADDING] = -torch.inf
    seen = torch.bincount(first[:, 0], minlength=VOCABULARY) / n
    torch.testing.assert_close(seen, masses.softmax(1)[0], rtol=0, atol=0.04)  # 5 σ at 1/2
    Words().check(first)


def test_it_keeps_the_contract(x: Tensor) -> None:
    for settings in ({}, {"layers": 2, "word_dropout": 0.3, "dropout": 0.2}, {"word_dropout": 1.0}):
        vae = model(**settings)
        assert vae.factorised
        check_model(vae, x[:2])


def test_the_encoder_has_parameters_of_its_own() -> None:
    vae = model()
    own = {id(p) for p in vae.encoder_parameters()}
    assert own == {id(p) for p in vae.encoder.parameters()}
    assert not own & {id(p) for p in vae.decoder.parameters()}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"word_dropout": 1.5}, r"model\.word_dropout is a part of the words, from 0 to 1"),
        ({"dropout": 1}, r"model\.dropout is a part"),
        ({"hidden": 0}, r"model\.hidden must be a whole number of at least 1, not 0"),
        ({"latents": [2, 3]}, r"model=sentence has not"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        model(**settings)


def test_numbers_and_sentences_each_have_their_own_models_and_likelihoods() -> None:
    with pytest.raises(UserError, match=r"model=sentence is for sentences.* or model=mlp"):
        sentence((1, 8, 8), told(Gaussian(), None))
    words = told(Words(), VOCABULARY)
    for make in (mlp, linear, conv, conv1d, resnet, ladder, hierarchical):
        with pytest.raises(UserError, match=rf"model={make.__name__} is for numbers.*model=senten"):
            make((LONGEST,), words)
    with pytest.raises(UserError, match=r"Gaussian is for numbers.* use likelihood=words"):
        told(Gaussian(), VOCABULARY)
    with pytest.raises(UserError, match="likelihood Words is for sentences"):
        told(Words(), None)
