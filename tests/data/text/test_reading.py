"""A file of sentences, and what is wrong with one: a line with its place."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from betafront.data import text
from betafront.data.text.reading import read
from betafront.errors import UserError

GOOD = "the cat sat\nthe dog sat\na cat ran\na dog ran\n" * 5


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


BAD: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "an empty line": ("a b\n\nc d\n", {}, r"t\.txt, line 2 is empty: .* data\.empty=skip"),
    "a long sentence": (
        "a b\na b c d\n",
        {"max_length": 3},
        r"t\.txt, line 2 has 4 words, more than data\.max_length=3: data\.long=cut",
    ),
    "one word": ("yes\n" * 20, {}, r"t\.txt have a vocabulary of one word, 'yes'"),
    "one word that is kept": (GOOD, {"vocabulary": 1}, "a vocabulary of one word"),
    "no word that is kept": (GOOD, {"min_count": 99}, "a vocabulary of no word"),
    "Latin-1": (b"one\ntwo caf\xe9\n", {}, r"t\.txt, line 2 is not UTF-8: .*iconv"),
    "nothing": ("", {}, r"t\.txt is empty: give one sentence on each line"),
    "nothing but lines": ("\n\n", {"empty": "skip"}, r"t\.txt is empty"),
    "the end": ("a b\nc <eos>\n", {}, r"t\.txt, line 2 has the word <eos>"),
    "one sentence": ("a b c\n", {}, "the val split has 0 example"),
    "an unknown way": (GOOD, {"long": "drop"}, "data.long is refuse, cut or skip, not drop"),
    "an unknown split": (GOOD, {"split": "word"}, "data.split: .*'word': did you mean 'words'"),
    "no vocabulary": (GOOD, {"vocabulary": 0}, "data.vocabulary must be at least 1, not 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_line(tmp_path: Path, case: str) -> None:
    content, settings, message = BAD[case]
    path = written(tmp_path / "t.txt", content)
    with pytest.raises(UserError, match=message) as refused:
        text("text", path, **settings)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    written(tmp_path / "mine.txt", GOOD)
    with pytest.raises(UserError, match=r"no file .*mime\.txt in .*: did you mean '.*/mine\.txt'"):
        text("text", str(tmp_path / "mime.txt"))
    with pytest.raises(UserError, match="is a folder: name one file"):
        text("text", str(tmp_path))
    with pytest.raises(UserError, match="is no text, but a table: data=table"):
        text("text", written(tmp_path / "t.csv", GOOD))
    with pytest.raises(UserError, match=r"t\.txt\.gz cannot be read"):
        text("text", written(tmp_path / "t.txt.gz", b"no gzip"))


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    expected = [["a", "b"], ["c"]]
    for name, content in {
        "plain": b"a b\nc",
        "with a last line end": b"a b\nc\n",
        "of Windows, with a mark": b"\xef\xbb\xbfa b\r\nc\r\n",
        "with white space": b" a\tb \n  c\n",
        "with another line's end within": "a\u2028b\nc\n".encode(),
    }.items():
        found = read(written(tmp_path / "t.txt", content), "words", lower=False)
        assert found.tokens == expected, name
    path = written(tmp_path / "t.gz", gzip.compress(b"a b\nc\n"))
    assert read(path, "words", lower=False).tokens == expected
    upper = written(tmp_path / "u.txt", "A b\n")
    assert read(upper, "words", lower=True).tokens == [["a", "b"]]
    assert read(upper, "characters", lower=False).tokens == [["A", " ", "b"]]


def test_what_is_left_out_or_cut_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", "a b\n\nc d e f\n\ng\n")
    cut = read(path, "words", False, max_length=3, long="cut", empty="skip")
    assert cut.tokens == [["a", "b"], ["c", "d", "e"], ["g"]]
    assert cut.changed == "2 empty lines are left out, 1 sentence of more than 3 words is cut"
    skipped = read(path, "words", False, max_length=3, long="skip", empty="skip")
    assert skipped.tokens == [["a", "b"], ["g"]]
