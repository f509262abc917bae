"""The sweep of the quickstart as a terminal shows it, drawn as a still picture.

The command runs in a terminal of its own, in an empty folder. What it leaves there is drawn, but
for the middle of what it says of the decision, which is long.

    python docs/site/terminal.py docs/sweep.svg    # minutes on two cores
"""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COMMAND = (
    "betafront sweep objective.weight=auto trainer.steps=2000 study.name=first "
    "study.budget.trials=12"
)
COLUMNS, ROWS = 100, 50
LEFT_OUT = (
    "The same β in every convention",
    "Decision",
)  # how the first line of it begins, and the next
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"  # of the reader's own
TOKEN = re.compile(
    r"\x1b\[(?P<number>\d*)(?P<moves>[AK])|(?P<end>\r?\n)|\x1b\[\?\d+[hl]|\r"
    r"|(?P<text>(?:[^\x1b\r\n]|\x1b\[[\d;]*m)+)"
)
PICTURE = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px FONTS; }}
.{unique_id}-title {{ font: 18px sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g></svg>
""".replace("FONTS", FONTS)


def written(folder: Path) -> str:
    """All that the command writes to a terminal.

    Args:
        folder: where it is called.
    """
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", BETAFRONT_RUNS="runs")
        os.execl(sys.executable, sys.executable, "-m", *COMMAND.split())
    found = b""
    while piece := _piece(terminal):
        found += piece
    _, status = os.waitpid(process, 0)
    assert status == 0, found.decode()
    return found.decode()


def _piece(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux has no end of file here
        return b""


def left(found: str) -> list[str]:
    """The lines that are left in a terminal, with their colours: of what was drawn over, the last.

    Args:
        found: what was written, with rich's movements of the cursor, which go up by lines and
            erase them.
    """
    lines, row = [""], 0
    for token in TOKEN.finditer(found):
        if token["end"]:
            row += 1
            lines += [""] * (row == len(lines))
        elif token["moves"] == "A":
            row -= int(token["number"] or 1)
        elif token["moves"] == "K":
            lines[row] = ""
        elif token["text"]:
            lines[row] += token["text"]
    return lines


def shortened(lines: list[str]) -> list[str]:
    """The lines without those that are LEFT_OUT."""
    plain = [Text.from_ansi(line).plain for line in lines]
    first, after = (
        next(i for i, line in enumerate(plain) if line.startswith(head)) for head in LEFT_OUT
    )
    return [*lines[:first], "⋮", "", *lines[after:]]


def draw(lines: list[str], path: Path) -> None:
    """Draw lines below the command that they are of."""
    out = Console(width=COLUMNS, record=True, file=StringIO(), force_terminal=True)
    out.print(Text(f"$ {COMMAND}\n", style="bold"))
    out.print(Text.from_ansi("\n".join(lines)))
    drawn = out.export_svg(title="", theme=MONOKAI, code_format=PICTURE, unique_id="terminal")
    path.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        found = written(Path(folder)).replace(folder, ".")  # the reader's is another one
    draw(shortened(left(found)), Path(sys.argv[1]))
