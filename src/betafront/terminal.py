"""The terminal: the console of all commands, cautions, the list of next steps, and the current
activity."""

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import ProgressColumn, Task
from rich.text import Text

WIDTH = 100
COMMAND = ": betafront "  # ends a sentence with the command that follows from it


@cache
def console() -> Console:
    """The console of the process, of at most WIDTH columns. There is one: a second one would print
    through the middle of a live display of the first.

    Text is printed as it is: what looks like rich's markup, or like the name of an emoji, may be a
    part of a user's name. Styles are given as such (`rich.text.Text`)."""
    # In a notebook, too, it is text: a table of HTML for each line would tear the lines apart.
    found = Console(highlight=False, markup=False, emoji=False, force_jupyter=False)
    found.width = min(found.width if found.is_terminal else WIDTH, WIDTH)
    return found


def print_next(lines: Iterable[tuple[str, str | Path]], out: Console) -> None:
    """Print the files and commands to go on with, ready to be copied: a path is quoted for the
    shell, a text is printed as it is."""
    out.print()
    for what, where in lines:
        shown = shlex.quote(str(where)) if isinstance(where, Path) else where
        out.print(Text.assemble("  ", (f"{what:<12}", "dim"), f" {shown}"), soft_wrap=True)


def command_line(command: str, *studies: str, options: Sequence[str] = ()) -> str:
    """A command on studies, ready to be copied into a shell, whatever the studies are called.

    >>> command_line("status", "my study", options=["--follow"])
    "betafront status 'my study' --follow"
    >>> command_line("status", "-x", options=["--follow"])
    'betafront status --follow -- -x'
    """
    words = [*studies, *options]
    if any(name.startswith("-") for name in studies):  # a name, and no option
        words = [*options, "--", *studies]
    return shlex.join(["betafront", command, *words])


def print_careful(lines: Iterable[str], out: Console) -> None:
    """Print cautions, a sentence each."""
    for line in lines:
        print_sentence(line, out, headed("Careful", "bold yellow"))


def headed(head: str, style: str, line: str = "") -> Text:
    """A line with its first word in a style of its own."""
    return Text.assemble((head, style), "  ", line)


def print_sentence(line: str, out: Console, head: Text | None = None, style: str = "") -> None:
    """Print a sentence; a command at its end has a line of its own, ready to be copied.

    Args:
        line: the sentence.
        out: where to.
        head: stands before the sentence.
        style: of the sentence.
    """
    said, command = parted(line)
    out.print(Text.assemble(head or "", said), style=style)
    if command:
        out.print(Text(f"  {command}"), soft_wrap=True)


def parted(line: str) -> tuple[str, str]:
    """A sentence without the command at its end, and that; which is empty where there is none.

    >>> parted("Train longer: betafront sweep trainer.steps=10")
    ('Train longer:', 'betafront sweep trainer.steps=10')
    """
    said, colon, command = line.partition(COMMAND)
    return said + colon[:1], f"{COMMAND[2:]}{command}" if command else ""


def print_json(value: Any) -> None:
    """Print `value` on the standard output, and nothing else. Where the output has not all of its
    characters, JSON's own escapes stand for them, so that nothing is lost."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=1)
    print(text)


class Activity(ProgressColumn):
    """A column with the current activity and the seconds since it began; without an activity, with
    the text in the task's field `now`. The seconds count where the line is drawn repeatedly, which
    is on a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._what = ""
        self._since = 0.0

    def begin(self, what: str) -> None:
        """Set the current activity."""
        self._what, self._since = what, monotonic()

    def end(self) -> None:
        """End the current activity."""
        self._what = ""

    def render(self, task: Task) -> Text:
        if not self._what:
            return Text(task.fields.get("now", ""))
        return Text(f"{self._what} {monotonic() - self._since:.0f} s", style="dim")
