"""What is printed: names as they are, paths and commands ready to be copied, and the line of
progress of a command that takes long."""

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from betafront import terminal
from betafront.terminal import Activity, command_line, console, print_careful, print_next


@pytest.mark.parametrize("name", ["s", "my study", "größe β", "it's", "-x", "--json", "$HOME", "*"])
def test_a_shell_reads_a_command_as_it_was_meant(name: str) -> None:
    words = shlex.split(command_line("export", name, options=["--at", "trial=1"]))
    assert words[:2] == ["betafront", "export"]
    before, dashes, after = (list(part) for part in _parted(words[2:]))
    assert sorted([*before, *after]) == sorted([name, "--at", "trial=1"])
    assert bool(dashes) is name.startswith("-")
    if dashes:
        assert after == [name]


def _parted(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    name = "[red]a[/red] [/] :bug: <b>"
    out, table = console(), Table(title=name)
    table.add_column(name)
    table.add_row(name)
    out.print(f"The study {name} is complete.")
    out.print(table)
    print_careful([f"look at {name}: betafront report {name}"], out)
    print_next([("page", Path("/my runs") / name), ("state", f"betafront status '{name}'")], out)
    said = capsys.readouterr().out
    assert said.count(name) == 8
    assert f"'/my runs/{name}'" in said


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
