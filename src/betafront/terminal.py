"""The terminal: what all commands write to, what to run next, and what is being done."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import ProgressColumn, Task
from rich.text import Text

WIDTH = 100


@cache
def console() -> Console:
    """The terminal, never wider than a page of text; one for all of a process, since what another
    prints would go through the middle of a live display."""
    found = Console(highlight=False)
    found.width = min(found.width if found.is_terminal else WIDTH, WIDTH)
    return found


def print_next(lines: Iterable[tuple[str, str | Path]], out: Console) -> None:
    """What to look at and to run next, ready to be copied."""
    out.print()
    for what, where in lines:
        out.print(f"  [dim]{what:<12}[/] {escape(str(where))}", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` on the standard output, and nothing else."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


class Doing(ProgressColumn):
    """A column with what has begun and the seconds since then; before and after, with the text that
    the task has in its field `now`. It ticks where the line is drawn again and again, on a
    terminal, and is nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self._what = ""
        self._since = 0.0

    def begin(self, what: str) -> None:
        """This is what is done from now on."""
        self._what, self._since = what, monotonic()

    def end(self) -> None:
        """Nothing in particular is done any more."""
        self._what = ""

    def render(self, task: Task) -> Text:
        if not self._what:
            return Text(task.fields.get("now", ""))
        return Text(f"{self._what} {monotonic() - self._since:.0f} s", style="dim")
