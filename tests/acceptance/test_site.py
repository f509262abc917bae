"""The site, built as `make docs` builds it, and looked at with a real browser."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs/site"
WIDTHS = (390, 1400)
LOOKED_AT = ("index", "docs/objective", "docs/commands", "docs/configuration", "docs/api",
             "studies/weighting/README", "examples/own_model")  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages; a link within the site that leads nowhere ends the build."""
    pytest.importorskip("sphinx")
    place = tmp_path_factory.mktemp("site")
    source, pages = place / "source", place / "html"
    gather = [sys.executable, SITE / "gather.py", source]
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", SITE, source, pages]
    for command in (gather, sphinx):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return pages


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
def test_the_references_name_every_choice_and_command(site: Path) -> None:
    configuration = (site / "docs/configuration.html").read_text()
    for file in (ROOT / "conf/model").glob("*.yaml"):
        assert f"model={file.stem}" in configuration
    assert "betafront confirm" in (site / "docs/commands.html").read_text()
