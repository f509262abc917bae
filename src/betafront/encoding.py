"""What is written where a terminal, or the file in its place, has not every character."""

import codecs
import io
import sys
import unicodedata

IN_ASCII = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta",
    "κ": "kappa", "λ": "lambda", "ν": "nu", "π": "pi", "σ": "sigma", "Σ": "Sigma", "χ": "chi",
    "…": "...", "−": "-", "–": "-", "·": "*", "×": "x", "±": "+/-", "√": "sqrt ", "≈": "~",
    "≤": "<=", "≥": ">=", "≠": "!=", "∞": "inf", "→": "->", "½": "1/2", "°": " degrees",
    "²": "^2", "⁴": "^4", "●": "o", "◐": "o", "○": "o", "ß": "ss",
}  # fmt: skip
"""What stands for a character that a terminal has not."""


def write_what_can_be_shown() -> None:
    """Have every text written to the terminal, or to where its output goes, whatever characters
    that takes: one that its encoding has not is written in ASCII, as β is in "beta", or as "?".
    No run is lost to a letter."""
    codecs.register_error("betafront", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="betafront")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """The handler of characters that cannot be encoded, as `codecs.register_error` wants it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = "".join(map(_letter_in_ascii, error.object[error.start : error.end]))
    return written, error.end


def _letter_in_ascii(letter: str) -> str:
    if letter in IN_ASCII:
        return IN_ASCII[letter]
    kind, *lines = unicodedata.name(letter, "?").split()
    if kind == "BOX":  # as the frames of tables and the axes of pictures
        across, down = "HORIZONTAL" in lines, "VERTICAL" in lines
        return "-" if across and not down else "|" if down and not across else "+"
    if kind in (
        "BRAILLE",
        "FULL",
        "LIGHT",
        "LOWER",
        "UPPER",
        "LEFT",
        "RIGHT",
    ):  # of moving displays
        return "*"
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"
