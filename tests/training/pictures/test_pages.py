"""The pages that are drawn when somebody looks at a run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from betafront.training import OnTheScale, Result, Run, draw_pages, fit_one
from betafront.training.folder import RunFolder
from betafront.training.pictures.pages import PAGES

MakeRun = Callable[..., Run]


def test_the_pages_of_a_finished_run_are_drawn_once(make_run: MakeRun, tmp_path: Path) -> None:
    pages = [tmp_path / "pictures" / name for name in PAGES]
    draw_pages(tmp_path)
    assert not any(page.exists() for page in pages)
    fit_one(make_run(), tmp_path)
    draw_pages(tmp_path)
    drawn = [page.stat() for page in pages]
    draw_pages(tmp_path)
    assert [page.stat() for page in pages] == drawn
    Result.load(tmp_path).save()  # as a later run in the same folder does
    draw_pages(tmp_path)
    for page, before in zip(pages, drawn, strict=True):
        assert page.stat().st_mtime_ns > before.st_mtime_ns


@pytest.mark.parametrize("name", sorted(PAGES))
def test_what_is_damaged_has_no_page_and_stops_no_other(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    fit_one(make_run(), tmp_path)
    source, _ = PAGES[name]
    source(RunFolder(tmp_path)).write_bytes(b"PK")
    draw_pages(tmp_path)
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    lost = {name} | ({"latent_history.png"} if name == "training.png" else set())  # of the trace
    assert drawn >= set(PAGES) - lost
    assert not [other for other in drawn if other.startswith(tuple(lost))]  # nor a part of it


def test_a_run_without_their_numbers_as_of_an_older_version_is_passed_over(
    make_run: MakeRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit_one(make_run(), tmp_path)
    for name in ("latent_map", "latent_history"):
        (tmp_path / f"{name}.npz").unlink()
    draw_pages(tmp_path)
    for name in ("latent_map", "latent_history"):
        assert not (tmp_path / f"pictures/{name}.png").exists()
    assert not caplog.records


def test_a_family_has_a_page_of_its_curve(tmp_path: Path) -> None:
    metrics = {"val/rate": 3.0, "val/distortion": -4.0}
    scale = OnTheScale.read({"beta": 1.0, "weight": 1.0})
    curve = [{"beta": b, "metrics": {"val/rate": 3 / b, "val/distortion": b}} for b in (0.1, 1, 10)]
    plain = Result(metrics, scale, [1.0], {}, [], {}, 0, 1.0, str(tmp_path))
    plain.save()
    draw_pages(tmp_path)
    assert not (tmp_path / "pictures/curve.png").exists()
    replace(plain, curve=curve).save()
    draw_pages(tmp_path)
    assert (tmp_path / "pictures/curve.png").read_bytes().startswith(b"\x89PNG")
