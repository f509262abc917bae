"""What Hydra's grammar does not take is shown as it is to be typed."""

import shlex
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString

from betafront.config.overrides import parse
from betafront.errors import UserError


def refusal(line: str) -> str:
    with pytest.raises(UserError) as refused:
        parse([line])
    return str(refused.value)


def meaning(line: str) -> Any:
    """What an override means; the choices of a search as a tuple."""
    override = OverridesParser.create().parse_override(line)
    value = override.value()
    if isinstance(value, ChoiceSweep):
        return tuple(v.text if isinstance(v, QuotedString) else v for v in value.list)
    return value


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("study.name=größe", "größe"),
        ("study.name=größe β", "größe β"),
        ("study.name=größe,klein", ("größe", "klein")),
        ("study.name=choice(größe,klein)", ("größe", "klein")),
        ("data.shapes=[größe,b]", ["größe", "b"]),
        ("data.path=~/images.npy", "~/images.npy"),
        ("data.path=epoch=9.npy", "epoch=9.npy"),
        ("data.path=/tmp/a (1).npy", "/tmp/a (1).npy"),
        ("study.name=a;b", "a;b"),
        ("study.name=a(b)", "a(b)"),
        ("study.question=what's up", "what's up"),
        ("study.name='abc", "abc"),
        ("study.name=“abc”", "abc"),
        ("data=mnist\r", "mnist"),
        ("study.name=a]", "a]"),
        ("model.hidden=[8,4", [8, 4]),
        ("model.hidden=[8,4,]", [8, 4]),
        ("objective.weight=1,,2", (1, 2)),
        ("objective.weight=choice(null,1)", (None, 1)),
        ("objective.weight=choice(1,2", (1, 2)),
    ],
)
def test_the_quoting_that_is_shown_works_in_a_shell(line: str, means: Any) -> None:
    shown = refusal(line).rpartition("write ")[2].rpartition("commas alone: ")[2]
    (typed,) = shlex.split(shown)
    assert meaning(typed) == means
    assert typed.partition("=")[0] == line.partition("=")[0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("digits", "a choice or a setting is KEY=VALUE"),
        ("größe=1", "'ö' has no place in a key"),
        ("objective.weight =1", "' ' has no place in a key"),
        ("~größe", "'ö' has no place in a key"),
        ("objective.weight=chioce(1,2)", "there is no function chioce(…): did you mean 'choice'?"),
        ("objective.weight=uniform(0,1)", "write interval(START,END)"),
        ("objective.weight=interval(1)", "missing a required argument: 'end': write interval("),
        ("objective.weight=interval(a,b)", "start cannot be of type str: write interval("),
        ("objective.weight=tag(log,interval(1,2)", "')' is missing at the end"),
        ("objective.weight=choice()", "empty choice is not legal: write choice(A,B,…)"),
    ],
)
def test_what_is_wrong_is_said_without_the_words_of_a_parser(line: str, says: str) -> None:
    said = refusal(line)
    assert says in said
    assert "\n" not in said
    assert not {"EOF", "LexerNoViableAltException", "mismatch", "token"} & set(said.split())


def test_a_password_is_not_shown() -> None:
    assert "pässword" not in refusal("storage.url=postgresql://me:pässword@host/studies")
