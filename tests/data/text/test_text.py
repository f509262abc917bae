"""Sentences as data: symbols, splits, batches, and the way back to words."""

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from betafront.data import SPLITS, data_cautions, text
from betafront.data.text import grammar
from betafront.data.text.buckets import padding
from betafront.data.text.sentences import Text
from betafront.errors import UserError
from betafront.objective import Gaussian, Words
from betafront.trained import preparation

LINES = ["b a a", "a c", "a b d e", "c c a", "b", "a a a a a"] * 10


@pytest.fixture
def data(tmp_path: Path) -> Text:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(LINES))
    return text("mine", str(path))


@pytest.fixture(scope="module")
def drawn() -> Text:
    return text("text", sentences=3000, val=0.04, test=0.04)


def test_an_example_is_its_words_its_end_and_padding(data: Text) -> None:
    assert data.shape == (6,)
    assert data.symbols == 3 + len(data.vocabulary.words)
    assert data.vocabulary.words[0] == "a"  # the most frequent
    x = data.examples("train")
    assert x.shape == (data.size("train"), 6)
    assert x.dtype == torch.int64
    for row in x:
        length = int((row == 1).nonzero())
        assert (row[:length] >= 3).all()
        assert (row[length + 1 :] == 0).all()
    every = [data.vocabulary.sentence(row) for split in SPLITS for row in data.examples(split)]
    assert sorted(every) == sorted(LINES)


def test_n_is_the_mean_number_of_tokens_with_the_end(data: Text) -> None:
    train = data.examples("train")
    mean = float((train != 0).sum(1).double().mean())
    assert data.tokens("train") == pytest.approx(mean)
    assert data.dims == round(mean)
    assert data.about["tokens"]["train"] == pytest.approx(mean)


def test_parts_are_padded_up_to_their_own_longest_sentence(data: Text) -> None:
    rows, every = data.rows("train"), data.examples("train")
    short = (every != 0).sum(1).argsort()[:3]
    part = rows[short]
    length = int((every[short] != 0).sum(1).max())
    assert part.shape == (3, length)
    assert length < 6
    assert part.equal(every[short, :length])
    assert rows[4].equal(every[4][: int((every[4] != 0).sum())])
    joined = [padded for part in rows.split(7) for padded in _padded(part, 6)]
    assert torch.stack(joined).equal(every)


def _padded(part: torch.Tensor, length: int) -> torch.Tensor:
    return torch.nn.functional.pad(part, (0, length - part.shape[1]))


def test_the_vocabulary_is_that_of_the_training_split(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(f"the same word{i}" for i in range(40)))
    data = text("mine", str(path))
    known = {w for w in data.vocabulary.words if w.startswith("word")}
    assert len(known) == data.size("train")
    assert (data.examples("val") == 2).sum(1).eq(1).all()
    assert data.vocabulary.sentence(data.examples("val")[0]) == "the same <unk>"
    assert data.about["unknown"]["val"] == pytest.approx(1 / 3)
    assert "Words outside the vocabulary are <unk>: 0 % of train, 33 % of val" in data.note
    few = text("mine", str(path), vocabulary=2)
    assert few.vocabulary.words == ("same", "the")
    assert few.digest != data.digest
    assert text("mine", str(path), min_count=2).vocabulary == few.vocabulary


def test_the_digest_is_of_the_words_and_the_splits(data: Text, tmp_path: Path) -> None:
    assert data.digest == replace(data).digest
    assert data.digest != replace(data, val=data.test, test=data.val).digest
    other = tmp_path / "o.txt"
    other.write_text("\n".join(LINES).replace("d", "z"))
    assert text("mine", str(other)).digest != data.digest


def test_buckets_have_every_sentence_once_and_the_same_bits_again(drawn: Text) -> None:
    def epochs() -> list[torch.Tensor]:
        batches = drawn.batches("train", 32, torch.Generator().manual_seed(1))
        return [torch.cat([_padded(b, drawn.shape[0]) for b in batches]) for _ in range(2)]

    (first, second), again = epochs(), epochs()
    assert first.equal(again[0])
    assert second.equal(again[1])
    assert not first.equal(second)
    every = {tuple(row) for row in drawn.examples("train").tolist()}
    kept = drawn.size("train") // 32 * 32
    assert len(first) == kept
    taken = [tuple(row) for row in first.tolist()]
    assert set(taken) <= every
    assert len(set(taken)) >= len(every) - (drawn.size("train") - kept)


def test_buckets_waste_little_and_leave_the_mean_length_as_it_is(drawn: Text) -> None:
    x = drawn.rows("train")
    means, wasted = [], []
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        batches = drawn.batches("train", 32, generator)
        numbers = batches.numbers()  # type: ignore[attr-defined]
        means.append(float(x.lengths[numbers].double().mean()))
        wasted.append(padding(x.lengths, numbers))
    assert len(batches) == drawn.size("train") // 32
    assert sum(means) / 30 == pytest.approx(drawn.tokens("train"), rel=0.002)
    unsorted = replace(drawn, buckets=False).batches("train", 32, generator)
    plain = [1 - float((b != 0).double().mean()) for b in unsorted]
    assert max(wasted) < 0.1
    assert sum(plain) / len(plain) > 0.3
    assert drawn.about["padding"] < 0.1


def test_the_language_says_what_is_true_of_its_sentences(drawn: Text) -> None:
    assert drawn.about["entropy"] == grammar.entropy()
    nll = [-grammar.log_prob(drawn.vocabulary.sentence(x)) for x in drawn.examples("val")]
    assert drawn.about["true_nll"]["val"] == pytest.approx(sum(nll) / len(nll), rel=1e-9)
    assert drawn.about["true_nll"].keys() == set(SPLITS)
    assert "entropy" not in text("text", sentences=200, vocabulary=50).about  # some are <unk>


def test_factors_name_what_varies_behind_a_sentence(drawn: Text) -> None:
    assert drawn.factors is not None
    assert drawn.factors.names == ("topic", "number", "tense", "form")
    assert drawn.factors.sizes == (6, 2, 2, 3)
    questions = drawn.factors.val[:, 3] == 2
    asked = [drawn.vocabulary.sentence(x).endswith("?") for x in drawn.examples("val")]
    assert questions.tolist() == asked


def test_a_likelihood_of_numbers_is_refused(data: Text) -> None:
    data.check(Words())
    with pytest.raises(UserError, match=r"Gaussian is for numbers, .*: use likelihood=words"):
        data.check(Gaussian())


def test_new_sentences_become_symbols_and_back(data: Text) -> None:
    kept = preparation({"preparation": data.preparation.as_json()})
    assert kept == data.preparation
    assert kept.symbols == data.symbols
    x = kept(["a b", " c zebra a "])
    assert x.shape == (2, 6)
    assert kept.back(x) == ["a b", "c <unk> a"]
    for wrong, message in (
        ("a b", "give a list of sentences"),
        ([1, 2], "give a list of strings"),
        (["a", " "], "sentence 1 is empty"),
        (["a a a a a a"], "sentence 0 has 6 words, and the model is for up to 5"),
    ):
        with pytest.raises(UserError, match=message):
            kept(wrong)


def test_characters_are_symbols_too(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(["ab a", "ba", "b b b"] * 10))
    data = text("mine", str(path), split="characters")
    assert set(data.vocabulary.words) == {"a", "b", " "}
    assert data.preparation.back(data.preparation(["a b"])) == ["a b"]


def test_one_long_sentence_does_not_take_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("betafront.data.text.text"), "MOST", 500)
    path = tmp_path / "t.txt"
    path.write_text("a b\n" * 20 + "a b " * 50)
    with pytest.raises(UserError, match=r"has 100 words, .*: set data\.max_length"):
        text("mine", str(path))


def test_cautions_and_augmentation_know_sentences(drawn: Text) -> None:
    assert not [line for line in data_cautions(drawn) if "constant" in line or "same" in line]
    with pytest.raises(UserError, match=r"data\.augment is for images"):
        drawn.augmented([])
    with pytest.raises(UserError, match=r"data\.max_length is for a file"):
        text("text", max_length=9)


@pytest.mark.skipif("BETAFRONT_DATA_DIR" not in os.environ, reason="needs a folder of real data")
def test_a_real_text() -> None:
    path = Path(os.environ["BETAFRONT_DATA_DIR"]) / "text" / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    with pytest.raises(UserError, match="line 3 is empty"):
        text("shakespeare", str(path))
    data = text("shakespeare", str(path), empty="skip", vocabulary=5000, limit=4000)
    assert data.size("train") == 3200
    assert 0 < data.about["unknown"]["val"] < 0.5
    assert "7,223 empty lines are left out" in data.note
