"""The studies side by side, and the front of each as an interactive page, drawn from the table and
the settings that are kept with its results."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from plotly.offline import get_plotlyjs

from betafront.front.curves import trials_of
from betafront.front.show import Chapter, write_page
from betafront.study.display.report import DATA, MADE_BY, PAGE
from betafront.study.results.searched_range import reach
from betafront.study.results.table import facts
from betafront.study.search.automatic import WEIGHT
from betafront.study.search.grammar import searches
from betafront.study.spec import Spec

PLOTLY = "plotly.min.js"
TITLE = re.compile(r"\A# (.+)\n")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
GALLERY = """# The studies

Each asks one question of data and models at hand, and has a command that answers it again. Its
fronts are interactive pages: every trial with its settings, the planes, β in every convention.
"""


class Front(NamedTuple):
    """The front of a study's sweep as a page.

    Attributes:
        name: of the sweep among those of the study; `the front` of the only one.
        page: its place in the site.
    """

    name: str
    page: Path


def fronts(study: Path, root: Path) -> list[Front]:
    """The fronts among the results of a study.

    Args:
        study: its folder.
        root: of the repository, whose places are those of the site.
    """
    results = study / "results"
    return [
        Front(table.parent.relative_to(results).as_posix().strip(".") or "the front",
              (table.parent / PAGE).relative_to(root))
        for table in sorted(results.rglob(DATA))
    ]  # fmt: skip


def write_fronts(root: Path, folder: Path) -> None:
    """Write the page of every front, and plotly.js once for all of them.

    Args:
        root: of the repository.
        folder: of what is a part of the site as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PLOTLY).write_text(get_plotlyjs(), encoding="utf-8")
    for study in studies(root):
        for front in fronts(study, root):
            page = folder / front.page
            write_page([kept(root / front.page.parent)], page, plotly=up_to(PLOTLY, front.page))


def kept(folder: Path) -> Chapter:
    """A study as the table and the settings say that are kept of it.

    Args:
        folder: with both.
    """
    table = pd.read_csv(folder / DATA).copy()  # in one piece
    spec = Spec(**json.loads((folder / MADE_BY).read_text()), folder="", tracking={})
    searched = spec.space.get(WEIGHT)
    known = replace(
        facts(spec, trials=[]),
        counts={"complete": len(trials_of(table))},
        parameters=[key for key in spec.space if key in table],
        reach=reach(searches([f"{WEIGHT}={searched}"])[WEIGHT]) if searched else None,
    )
    return Chapter(known, table, pd.DataFrame())


def gallery(root: Path) -> str:
    """The page of all studies: the question, a picture and the fronts of each."""
    return "\n".join([GALLERY, *_entries(root)])


def _entries(root: Path) -> Iterator[str]:
    for study in studies(root):
        text = (study / "README.md").read_text()
        yield f"## [{_title(text)}]({study.name}/README.md)\n"
        if picture := PICTURE.search(text):
            seen = " ".join(picture[1].split())
            yield f"![{seen}]({study.name}/{picture[2]})\n"
        yield links(study, root, Path("studies/gallery.md"))


def with_fronts(text: str, study: Path, root: Path) -> str:
    """The page of a study with links to its fronts below the title."""
    page = study.relative_to(root) / "README.md"
    return TITLE.sub(lambda title: f"{title[0]}\n{links(study, root, page)}", text)


def links(study: Path, root: Path, page: Path) -> str:
    """Links to the fronts of a study; nothing where it has none.

    Args:
        study: its folder.
        root: of the repository.
        page: on which they stand.
    """
    found = [
        f'<a href="{up_to(front.page, page)}">{front.name}</a>' for front in fronts(study, root)
    ]
    return f"Fronts to explore: {' · '.join(found)}\n" if found else ""


def studies(root: Path) -> list[Path]:
    """The folders of the studies."""
    return sorted(page.parent for page in root.glob("studies/*/README.md"))


def up_to(place: Path | str, page: Path) -> str:
    """The address of a place of the site on one of its pages."""
    return Path(relpath(place, page.parent)).as_posix()


def _title(text: str) -> str:
    found = TITLE.match(text)
    assert found, "a page begins with its title"
    return found[1]
