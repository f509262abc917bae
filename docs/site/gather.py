"""The pages of the site, gathered into one folder for Sphinx.

The folder mirrors the repository, so that links within the repository stay as they are written:
the guide, the studies with their results, the notebook as it was executed, and pages made of
`conf/`, of the commands and of the fronts of the studies. Only links to folders, which have no
page, are led to the page about them.

    python docs/site/gather.py build/site/source build/site/notebooks
"""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import gallery
import nbformat
import notebook
import reference

ROOT = Path(__file__).resolve().parents[2]
PAGES = Path(__file__).resolve().parent / "pages"
COPIED = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/*.md", "docs/*.png",
    "docs/*.svg", "docker/*", "benchmarks/*.md", "studies/*/*", "studies/*/results/**/*",
    "benchmarks/results/**/*",
)  # fmt: skip
GALLERY = "studies/gallery.md"
MADE: dict[str, Callable[[], str]] = {
    "docs/configuration.md": reference.configuration,
    "docs/commands.md": reference.commands,
    GALLERY: lambda: gallery.gallery(ROOT),
}
AS_THEY_ARE = "_extra"  # the folder of files that are no pages of Sphinx
LINK = re.compile(r"(?<=\]\()(?P<place>[^)#:\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def gather(folder: Path, notebooks: Path) -> None:
    """Make the folder anew.

    Args:
        folder: for the pages; what it holds is removed.
        notebooks: where the outputs of the notebook are kept.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for pattern in COPIED:
        for found in ROOT.glob(pattern):
            if found.is_file():
                _copy(found, folder / found.relative_to(ROOT))
    for page in PAGES.rglob("*.md"):
        _copy(page, folder / page.relative_to(PAGES))
    for place, make in MADE.items():
        (folder / place).write_text(make())
    for study in gallery.studies(ROOT):
        page = folder / study.relative_to(ROOT) / "README.md"
        page.write_text(gallery.with_fronts(page.read_text(), study, ROOT))
    book = notebook.executed(notebook.NOTEBOOK, notebooks)
    page = notebook.NOTEBOOK.relative_to(ROOT)
    (folder / page).parent.mkdir()
    nbformat.write(notebook.with_figures(book, gallery.up_to(gallery.PLOTLY, page)), folder / page)
    gallery.write_fronts(ROOT, folder / AS_THEY_ARE)
    for page in folder.rglob("*.md"):
        page.write_text(led_to_pages(page.read_text(), page.relative_to(folder)))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def led_to_pages(text: str, page: Path) -> str:
    """The text of a page, whose links to folders and to `conf/` lead to pages.

    Args:
        text: of the page.
        page: its place in the repository, to which its links are relative.
    """

    def replaced(link: re.Match[str]) -> str:
        place, anchor = (ROOT / page.parent / link["place"]).resolve(), link["anchor"] or ""
        found = _page_about(place)
        return link["place"] + anchor if found is None else _up(page) + found

    return LINK.sub(replaced, text)


def _page_about(place: Path) -> str | None:
    """The page about a file of `conf/`, or about a folder: its own, or that of the folder around
    it. None for what is a page itself, or no part of the repository."""
    if not place.is_relative_to(ROOT):
        return None
    of = place.relative_to(ROOT)
    if of.parts[:1] == ("conf",):
        group = of.parent if of.suffix else of
        return f"docs/configuration.md{reference.anchor('/'.join(group.parts[1:]))}"
    if not place.is_dir():
        return None
    if of == Path("studies"):
        return GALLERY
    above = (folder / "README.md" for folder in (place, *place.parents))
    return next(page for page in above if page.is_file()).relative_to(ROOT).as_posix()


def _up(page: Path) -> str:
    return "../" * len(page.parent.parts)


if __name__ == "__main__":
    gather(*map(Path, sys.argv[1:]))
