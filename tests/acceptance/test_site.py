"""The site, built as `make docs` builds it, and looked at with a real browser."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import SITE
from tests.support.shared import SharedFolders

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (390, 1400)
LOOKED_AT = ("index", "docs/objective", "docs/commands", "docs/configuration", "docs/api",
             "examples/own_model", "studies/gallery", "studies/weighting/README",
             "studies/weighting/results/digits/front")  # fmt: skip
DRAWN = (
    "[...document.querySelectorAll('.js-plotly-plot')].filter(p => p.querySelector('.main-svg'))"
)
BESIDE = re.compile(r'<a href="([^"#:]+\.html)">')


@pytest.fixture(scope="session")
def site(notebook: Path, shared_folders: SharedFolders) -> Path:
    """The folder of the pages; a link within the site that leads nowhere ends the build."""
    pytest.importorskip("sphinx")

    def build(place: Path) -> None:
        source, pages = place / "source", place / "html"
        gather = [sys.executable, SITE / "gather.py", source, notebook]
        sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", SITE]
        for command in (gather, [*sphinx, source, pages]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    return shared_folders.get("site", build) / "html"


@pytest.mark.slow
def test_every_page_fits_a_phone_and_a_desk_and_shows_its_pictures(
    site: Path, browser: Any
) -> None:
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 900})
        for name in LOOKED_AT:
            page.goto(f"{(site / name).as_uri()}.html")
            assert page.title()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            missing = "[...document.images].filter(one => !one.naturalWidth).map(one => one.src)"
            assert page.evaluate(missing) == [], name


@pytest.mark.slow
def test_fronts_and_notebook_are_drawn_without_a_network(site: Path, browser: Any) -> None:
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    fronts = sorted(site.glob("studies/**/front.html"))
    assert len(fronts) == len(list(ROOT.glob("studies/*/results/**/front.csv")))
    for drawn in (*fronts, site / "examples/own_model.html"):
        page.goto(drawn.as_uri())
        page.wait_for_function(f"{DRAWN}.length > 0")
    assert all(address.startswith(("file:", "data:")) for address in asked)


@pytest.mark.slow
def test_every_front_is_linked(site: Path) -> None:
    """From the page of its study, and from the gallery."""
    for folder in (site / "studies", *site.glob("studies/*/results")):
        page = (
            folder / "gallery.html" if folder.name == "studies" else folder.parent / "README.html"
        )
        linked = {(page.parent / place).resolve() for place in BESIDE.findall(page.read_text())}
        assert {front.resolve() for front in folder.rglob("front.html")} <= linked


@pytest.mark.slow
def test_the_references_name_every_choice_and_command(site: Path) -> None:
    configuration = (site / "docs/configuration.html").read_text()
    for file in (ROOT / "conf/model").glob("*.yaml"):
        assert f"model={file.stem}" in configuration
    assert "betafront confirm" in (site / "docs/commands.html").read_text()
