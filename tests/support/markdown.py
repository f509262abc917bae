"""The pages of the site that people write, and the blocks of code in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATTERNS = ("*.md", "docs/*.md", "docs/site/pages/**/*.md", "docker/*.md", "benchmarks/*.md",
            "studies/*.md", "studies/*/*.md")  # fmt: skip
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in PATTERNS
    for path in sorted(ROOT.glob(pattern))
}
"""The texts of the pages, by their places in the repository."""

MARKER = "<!-- not run:"
BLOCK = re.compile(
    rf"(?:^[ ]*{MARKER}(?P<why>(?:(?!-->).)*)-->\n\s*)?"  # only directly before a block
    r"^(?P<indent>[ ]*)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: as it is written behind the fence.
        text: between the fences, less the indentation of the block.
        line: of the page on which it begins.
        why_not: why the tests do not run it, from the comment before it, which no reader sees; None
            where there is no such comment.
    """

    language: str
    text: str
    line: int
    why_not: str | None


def blocks(page: str) -> list[Block]:
    """The blocks of one of the PAGES, in order."""
    text = PAGES[page]
    return [
        Block(
            found["language"],
            re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            text.count("\n", 0, found.start("language")) + 1,
            None if found["why"] is None else " ".join(found["why"].split()),
        )
        for found in BLOCK.finditer(text)
    ]
