"""Pages that are made of what they describe: the configuration of `conf/`, the commands' help."""

import re
from collections.abc import Iterator
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

from betafront.cli import app
from betafront.shipped import conf_dir

WIDTH = 84  # columns of a command's help
COMMENT = re.compile(r"\A((?:#.*\n)+)")
CONFIGURATION = """# The configuration

Every run is composed from these files: a line of `defaults` in `betafront.yaml` is a choice, the
headings below are the groups, and the files in each its choices. `model=conv` on the command line
takes another file, `model.latents=16` another value in it. A `conf/` folder where the command is
given is searched before these files ([bring your own](bring-your-own.md)).
"""
COMMANDS = """# The commands

What `--help` says of each. Any `key=value` of [the configuration](configuration.md) may follow
`train`, `sweep` and `forecast`.
"""


def anchor(group: str) -> str:
    """The anchor of a group of `conf/` on its page; empty for the top."""
    slug = re.sub(r"[^\w\- ]", "", group.lower())
    return f"#{slug}" if slug else ""


def configuration() -> str:
    """The page of `conf/`: each group with its choices, as their files say them."""
    top = conf_dir()
    parts = [CONFIGURATION, _file(top / "betafront.yaml", "## betafront.yaml")]
    for folder in sorted(folder for folder in top.rglob("*") if folder.is_dir()):
        files = sorted(folder.glob("*.yaml"))
        if not files:
            continue
        group = folder.relative_to(top).as_posix()
        parts.append(f"## {group}")
        parts += [_file(file, f"### {group}={file.stem}") for file in files]
    return "\n\n".join(parts) + "\n"


def _file(path: Path, heading: str) -> str:
    """A file of the configuration under a heading; the comment that it begins with as text."""
    text = path.read_text().removeprefix("# @package _global_\n")
    found = COMMENT.match(text)
    said = re.sub(r"^# ?", "", found[1], flags=re.MULTILINE) if found else ""
    rest = text[len(found[1]) :] if found else text
    block = f"```yaml\n{rest.strip()}\n```" if rest.strip() else ""
    return "\n\n".join(part for part in (heading, said.strip(), block) if part)


def commands() -> str:
    """The page of the commands: the help of each."""
    return "\n\n".join([COMMANDS, *_helps()]) + "\n"


def _helps() -> Iterator[str]:
    for name in ("", *get_command(app).commands):  # type: ignore[attr-defined]
        words = [name] if name else []
        terminal = {"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH), "NO_COLOR": "1"}
        said = CliRunner().invoke(app, [*words, "--help"], env=terminal, prog_name="betafront")
        heading = " ".join(["## betafront", *words])
        yield f"{heading}\n\n```text\n{said.output.strip()}\n```"
