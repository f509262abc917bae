"""The report of one study or several, as one HTML file that opens without a network."""

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from betafront.files import write_whole
from betafront.front.comparison import Comparison, Group
from betafront.front.show.report import sections as parts
from betafront.front.show.report.chapter import Chapter
from betafront.front.show.report.page_data import page_data

SCRIPTS = ("theme.js", "labels.js", "plane.js", "latents.js", "charts.js", "page.js")


def write_page(
    chapters: Sequence[Chapter],
    path: Path,
    groups: Sequence[Group] = (),
    comparison: Comparison | None = None,
    plotly: str = "",
) -> None:
    """Write the page.

    Args:
        chapters: one study, or several that compare.
        path: of the file.
        groups: of trials, told apart by colour; where left out, each study is one.
        comparison: of the groups, if there are several.
        plotly: the address of plotly.js beside the page, where several pages share it; empty for
            plotly.js within the page, which then is one file.
    """
    groups = groups or [Group(c.facts.name, c.table, c.runs) for c in chapters]
    data = json.dumps(page_data(chapters, groups), ensure_ascii=False, separators=(",", ":"))
    data = data.replace("<", "\\u003c")  # a name must not end the script that it stands in
    title = " and ".join(c.facts.name for c in chapters)
    body = [
        parts.header(title, chapters),
        *(parts.answer(c, alone=len(chapters) == 1) for c in chapters),
        parts.compared(comparison) if comparison else "",
        parts.planes(chapters[0].facts.objectives, chapters),
        parts.multiples(),
        parts.one_scale(chapters),
        *(parts.front_of(c, alone=len(chapters) == 1) for c in chapters),
        *(parts.scouted(c) for c in chapters),
        *(parts.standings(c) for c in chapters),
        *(parts.strip(c) for c in chapters),
        parts.training(),
        parts.search(),
        *(parts.failed(c) for c in chapters),
        *(parts.made(c) for c in chapters),
        parts.download(),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(
        path,
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · betafront</title><style>{_asset('page.css')}</style></head>"
        f"<body><main>{''.join(body)}</main>{parts.CARD}"
        f'<script type="application/json" id="data">{data}</script>'
        f"{_plotly(plotly)}"
        f"<script>{''.join(map(_asset, SCRIPTS))}</script></body></html>",
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _plotly(beside: str) -> str:
    if beside:
        return f'<script src="{escape(beside)}"></script>'
    # plotly.js (4.8 MB) stands in the page once, so that it opens without a network.
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"
