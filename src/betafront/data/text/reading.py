"""Reading a file of sentences, one on each line."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from betafront.data.text.vocabulary import ENDING, Tokens, tokens
from betafront.errors import UserError, near_path, one_line

LONG = ("refuse", "cut", "skip")
EMPTY = ("refuse", "skip")
TABLES, ARRAYS = (".csv", ".tsv", ".parquet"), (".npy", ".npz", ".pt")


class Sentences(NamedTuple):
    """The sentences of a file.

    Attributes:
        tokens: of each.
        changed: what was left out or cut, in words; empty where nothing was.
    """

    tokens: list[Tokens]
    changed: str = ""


def read(
    path: str,
    split: str,
    lower: bool,
    max_length: int | None = None,
    long: str = "refuse",
    empty: str = "refuse",
) -> Sentences:
    """The sentences of a text in UTF-8, one on each line, plain or compressed (`.gz`).

    Args:
        path: of the file.
        split, lower: as in `betafront.data.text.vocabulary.Vocabulary`.
        max_length: tokens of a sentence, without its end; None for any number.
        long: what becomes of longer ones: `refuse`, `cut` or `skip`.
        empty: what becomes of empty lines: `refuse` or `skip`.

    Raises:
        UserError: naming the file and the line: there is no such file, it is no text in UTF-8, or
            it has a line that is refused.
    """
    _check(max_length, long, empty)
    file = Path(path).expanduser()
    found, skipped, cut, blank = list[Tokens](), 0, 0, 0
    for number, line in enumerate(_lines(file), 1):
        sentence = tokens(line.strip(), split, lower)
        if not sentence:
            if empty == "refuse":
                raise UserError(
                    f"data.path: {file}, line {number} is empty: remove it, or leave empty lines "
                    "out with data.empty=skip"
                )
            blank += 1
            continue
        if ENDING in sentence:
            raise UserError(
                f"data.path: {file}, line {number} has the word {ENDING}, which stands for the end "
                "of a sentence: remove it, each line ends by itself"
            )
        if max_length is not None and len(sentence) > max_length:
            if long == "refuse":
                raise UserError(
                    f"data.path: {file}, line {number} has {len(sentence):,} {split}, more than "
                    f"data.max_length={max_length}: data.long=cut takes its first ones, "
                    "data.long=skip leaves such lines out"
                )
            cut, skipped = cut + (long == "cut"), skipped + (long == "skip")
            if long == "skip":
                continue
            sentence = sentence[:max_length]
        found.append(sentence)
    if not found:
        raise UserError(f"data.path: {file} has no sentence: give one on each line")
    return Sentences(found, _changed(max_length, split, blank, skipped, cut))


def _check(max_length: int | None, long: str, empty: str) -> None:
    for key, value, known in (("long", long, LONG), ("empty", empty, EMPTY)):
        if value not in known:
            raise UserError(f"data.{key} is {', '.join(known[:-1])} or {known[-1]}, not {value}")
    if max_length is not None and (isinstance(max_length, bool) or max_length < 1):
        raise UserError(f"data.max_length must be at least 1, or null, not {max_length}")


def _changed(max_length: int | None, split: str, blank: int, skipped: int, cut: int) -> str:
    than = f" of more than {max_length} {split}"
    found = (blank, "empty line", "", "left out"), (skipped, "sentence", than, "left out")
    return ", ".join(
        f"{n:,} {what}{'' if n == 1 else 's'}{which} {'is' if n == 1 else 'are'} {done}"
        for n, what, which, done in (*found, (cut, "sentence", than, "cut"))
        if n
    )


def _lines(file: Path) -> Sequence[str]:
    """The lines of a file; what ends the last one begins no other."""
    if not file.is_file():
        raise UserError(f"data.path: {_no_file(file)}")
    for kinds, other in ((TABLES, "a table: data=table"), (ARRAYS, "an array: data=tensor")):
        if file.suffix.lower() in kinds:
            raise UserError(f"data.path: {file} is no text, but {other} data.path={file} reads it")
    try:
        raw = file.read_bytes()
        if file.suffix.lower() == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"data.path: {file} cannot be read: {one_line(error)[:200]}") from error
    if not raw.strip():
        raise UserError(f"data.path: {file} is empty: give one sentence on each line")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"data.path: {file}, line {line} is not UTF-8: convert the file, as with "
            f"iconv -f LATIN1 -t UTF-8, if it is Latin-1"
        ) from error
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _no_file(file: Path) -> str:
    if file.is_dir():
        return f"{file} is a folder: name one file of sentences"
    folder = file.absolute().parent
    if not folder.is_dir():
        return f"there is no file {file}: there is no folder {folder}"
    beside = [path.name for path in folder.iterdir() if path.suffix.lower() in (".txt", ".gz")]
    return f"there is no file {file} in {folder}: {near_path(file, beside)}"
