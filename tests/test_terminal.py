"""The line of progress of a command that takes long."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from betafront import terminal
from betafront.terminal import Activity


def test_what_began_is_shown_with_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(terminal, "monotonic", lambda: clock[0])
    out = Console(file=io.StringIO(), force_terminal=True, width=60, color_system=None)
    column = Activity()

    def shown() -> str:
        (task,) = progress.tasks
        return column.render(task).plain

    with Progress(column, console=out) as progress:
        progress.add_task("training", now="D 3.00")
        assert shown() == "D 3.00"
        column.begin("val/dci")
        clock[0] += 12.3
        assert shown() == "val/dci 12 s"
        column.begin("val/irs")
        assert shown() == "val/irs 0 s"
        column.end()
        assert shown() == "D 3.00"
