"""Why Hydra's grammar does not take an override, and what to write in its place.

Hydra's own lines name the states of its parser. Here the override is looked at again: a text that
needs quotes is shown with them, as it is to be typed in a shell.
"""

import re
import shlex
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from betafront.addresses import masked
from betafront.errors import near_miss, one_line

FORMS = {
    "choice": "choice(A,B,…)",
    "range": "range(START,STOP,STEP), of numbers",
    "interval": "interval(START,END), of two numbers",
    "tag": "tag(log,interval(START,END))",
    "int": "int(VALUE)",
    "float": "float(VALUE)",
    "str": "str(VALUE)",
    "bool": "bool(VALUE)",
    "sort": "the choices in order",
    "shuffle": "the choices alone",
    "glob": "the choices with commas, as in A,B",
}
"""The functions of the grammar, and how a call of each is written."""

ARRAYS = (".npy", ".npz", ".pt")
TABLES = (".csv", ".tsv", ".parquet")
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
NOT_IN_KEYS = re.compile(r"[^\w$./@~+:-]|[^\x00-\x7f]")
NOT_IN_WORDS = re.compile(r"[^\w \t/\-\\+.$%*@?|:,()\[\]{}]|[^\x00-\x7f]")  # outside of quotes
PIECE = re.compile(rf"{QUOTED.pattern}|[,:()\[\]{{}}]|[^,:()\[\]{{}}'\"]+|['\"]")
NUMBERS = re.compile(r"\s*\w+\s*\(\s*[-+.\d]")  # a function of numbers, as others have uniform(0,1)
SPARE_COMMA = re.compile(r"(?<=,)\s*,|,\s*(?=$|[\])}])|(?:^|(?<=[\[({]))\s*,")
CURLED = str.maketrans("“”„‟‘’‚‛", "\"\"\"\"''''")  # quotes of word processors
CLOSING = {"(": ")", "[": "]", "{": "}"}


def unreadable(line: str, error: BaseException) -> str:
    """Why an override cannot be read, in one line with a way out.

    Args:
        line: the override as it was given.
        error: of Hydra's parser.
    """
    return f"cannot read '{masked(line.strip())}': {_why(line, one_line(error))}"


def typed_text(key: str, text: str) -> str:
    """The override that gives `key` a text, as it is typed in a shell, in quotes for Hydra where it
    needs them."""
    plain = f"{key}={text}"
    return typed(plain if _reads(plain) else f"{key}={_quoted(text)}")


def typed(override: str) -> str:
    """An override as it is typed in a shell, without a password in it."""
    shown = masked(override)
    plain = "'" in shown and not re.search(r'["$`\\!]', shown)
    return f'"{shown}"' if plain else shlex.quote(shown)


def reads(name: str) -> str:
    """The choice of `data` that reads a file of this name."""
    return "data=table" if name.endswith(TABLES) else "data=tensor"


def _why(line: str, reason: str) -> str:
    key, equals, value = line.partition("=")
    if not equals and not line.startswith("~"):
        if line.endswith((*ARRAYS, *TABLES)) and Path(line).expanduser().is_file():
            what = "a table" if line.endswith(TABLES) else "a file of arrays"
            return f"{what} is named by {reads(line)} {typed_text('data.path', line)}"
        return (
            "a choice or a setting is KEY=VALUE, as in data=mnist; a text with a space in it needs "
            "quotes for the shell and for Hydra, as in 'study.question=\"what is best?\"'"
        )
    if not _reads(f"{key}=0"):
        wrong = NOT_IN_KEYS.search(key)
        what = f"'{wrong[0]}' has no place in a key" if wrong else f"'{key}' is no key"
        return f"{what}: keys are of letters, digits and _, with . or / between, and no space at ="
    name = re.match(r"\s*([A-Za-z_]\w*)\s*\(", value)
    return _why_no_call(key, name[1], value, reason) if name else _with_way_out(key, value)


def _with_way_out(key: str, value: str) -> str:
    """What the grammar stumbles over in a value, and the value as it takes it."""
    mended = _mended(key, value)
    return f"{_obstacle(value)}{f': write {typed(mended)}' if mended else ''}"


def _why_no_call(key: str, name: str, value: str, reason: str) -> str:
    """What is wrong with a value that looks like the call of a function."""
    if name not in FORMS:
        near = near_miss(name, FORMS)
        if near.startswith("did"):
            return f"there is no function {name}(…): {near}"
        if NUMBERS.match(value):
            known = f"{FORMS['interval']}, on a logarithmic scale {FORMS['tag']}"
            return f"there is no function {name}(…): write {known}"
        return _with_way_out(key, value)
    inside = value.strip()[len(name) :].strip()[1:-1]
    if "NoneType is incompatible" in reason and _reads(plain := f"{key}={inside}"):
        return f"{name}(…) takes no null: write the choices with commas alone: {typed(plain)}"
    if mended := _mended(key, value, whole=False):
        return f"{_obstacle(value)}: write {typed(mended)}"
    said = reason.partition(f"{value.replace(' ', '')}': ")[2] or f"it is no call of {name}(…)"
    said = re.sub(
        r"mismatch type argument (\w+)(\[\d+\])?: (\w+) is .*", r"\1 cannot be of type \3", said
    )
    return f"{said}: write {FORMS[name]}"


def _mended(key: str, value: str, whole: bool = True) -> str | None:
    """The override with what is missing in its value: a closing bracket or quote, or quotes around
    the words that need them, or around all of it, where `whole` allows that; None where nothing of
    this helps."""
    candidates = [value.strip("\r\n"), value.translate(CURLED)]
    candidates += [SPARE_COMMA.sub("", value), value + _closing(value), _words_quoted(value)]
    candidates += [_quoted(value.strip())] if whole else []
    lines = (f"{key}={text}" for text in candidates if text != value)
    return next(filter(_reads, lines), None)


def _obstacle(value: str) -> str:
    """What the grammar stumbles over in a value."""
    bare = QUOTED.sub("", value)
    if quote := re.search("['\"]", bare):
        return f"a quote {quote[0]} is not closed, or is in the middle of a text"
    if closing := _closing(value):
        return f"'{closing}' is missing at the end"
    if value.endswith("\r"):
        return "a line of the script ends in Windows' way, with an invisible character"
    if SPARE_COMMA.search(bare) and not NOT_IN_WORDS.search(bare):
        return "there is nothing beside a comma"
    found = NOT_IN_WORDS.search(bare) or re.search(r"[()\[\]{}:,]", bare)
    return f"{found[0]!r} is outside of quotes" if found else "it has to be in quotes"


def _closing(value: str) -> str:
    """What closes the quote or the brackets that `value` leaves open."""
    open_ = []
    for piece in PIECE.findall(value):
        if piece in ("'", '"'):
            return str(piece)
        if piece in CLOSING:
            open_.append(CLOSING[piece])
        elif open_ and piece == open_[-1]:
            open_.pop()
    return "".join(reversed(open_))


def _words_quoted(value: str) -> str:
    """`value` with quotes around each word that the grammar takes in quotes alone."""
    return "".join(_word_quoted(piece) for piece in PIECE.findall(value))


def _word_quoted(piece: str) -> str:
    if QUOTED.fullmatch(piece) or not NOT_IN_WORDS.search(piece):
        return piece
    word = piece.strip()
    return piece.replace(word, _quoted(word))


def _quoted(text: str) -> str:
    return QuotedString(text=text, quote=Quote.double).with_quotes()


def _reads(line: str) -> bool:
    """Whether Hydra's grammar takes an override."""
    try:
        OverridesParser.create().parse_override(line)
    except HydraException:
        return False
    return True
