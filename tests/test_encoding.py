"""Output into what has not every character."""

import json
import os
import subprocess
import sys

import pytest

from betafront.encoding import _letter_in_ascii

PRINTS = """
from betafront.encoding import write_what_can_be_shown
from betafront.terminal import console, print_json

write_what_can_be_shown()
if {json}:
    print_json({{"error": "größe β"}})
else:
    console().print("β² ≈ ½ … größe ─┤ 李 \\udcc3")
"""


def printed(encoding: str, as_json: bool = False) -> bytes:
    return subprocess.run(
        [sys.executable, "-c", PRINTS.format(json=as_json)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    ).stdout


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("ascii", "beta^2 ~ 1/2 ... grosse -| ? ?"),
        ("latin-1", "beta² ~ ½ ... größe -| ? ?"),
        ("cp1252", "beta² ~ ½ … größe -| ? ?"),
        ("utf-8", "β² ≈ ½ … größe ─┤ 李 ?"),
    ],
)
def test_what_the_terminal_has_is_written_and_the_rest_in_ascii(encoding: str, said: str) -> None:
    assert printed(encoding).decode(encoding).split() == said.split()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_loses_nothing(encoding: str) -> None:
    assert json.loads(printed(encoding, as_json=True).decode(encoding)) == {"error": "größe β"}


def test_frames_and_bars_stay_in_their_place() -> None:
    assert "".join(map(_letter_in_ascii, "│─┌━█⠋")) == "|-+-**"
