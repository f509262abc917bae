"""What a long command is doing right now, in its line of progress."""

from time import monotonic

from rich.progress import ProgressColumn, Task
from rich.text import Text


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
