"""What objects show of themselves in a notebook: tables and text as HTML."""

from base64 import b64encode
from collections.abc import Collection, Sequence
from html import escape

LEFT, RIGHT = "text-align:left", "text-align:right"


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    caption: str = "",
    words: Collection[int] = (0,),
) -> str:
    """A table of text.

    Args:
        head: of the columns.
        rows: of cells, as they are to be read.
        caption: above the table.
        words: the columns that are aligned as text, by their places; the others are as numbers.
    """

    def line(cells: Sequence[object], kind: str) -> str:
        styles = (LEFT if i in words else RIGHT for i in range(len(cells)))
        said = (escape(str(cell)).replace("\n", "<br>") for cell in cells)
        each = (f'<{kind} style="{s}">{c}</{kind}>' for s, c in zip(styles, said, strict=True))
        return f"<tr>{''.join(each)}</tr>"

    top = f'<caption style="{LEFT}">{escape(caption)}</caption>' if caption else ""
    header = f"<thead>{line(head, 'th')}</thead>" if any(head) else ""
    return f"<table>{top}{header}<tbody>{''.join(line(r, 'td') for r in rows)}</tbody></table>"


def paragraphs(*lines: str) -> str:
    """Sentences, a paragraph each; empty ones are left out."""
    return "".join(f"<p>{escape(line)}</p>" for line in lines if line)


def heading(text: str) -> str:
    """A heading of a part of what is shown."""
    return f"<h4>{escape(text)}</h4>"


def picture(png: bytes, what: str) -> str:
    """A picture that stands in the page itself.

    Args:
        png: of the file.
        what: it shows, for who cannot see it.
    """
    source = f"data:image/png;base64,{b64encode(png).decode()}"
    return f'<img alt="{escape(what)}" style="max-width:100%" src="{source}">'
