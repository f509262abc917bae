"""The page of how training went, which one process draws again and again."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from betafront.training import OnTheScale, Result
from betafront.training.pictures.curves import Page, smoothed
from betafront.training.trace import Trace

Told = tuple[Result, Trace]


def told(
    beta: Any, holds: str | None = None, latents: int = 3, steps: int = 50, widths: Any = ()
) -> Told:
    """What the page is drawn from, with a β over the steps that takes the given form."""
    step = np.arange(steps, dtype=float)
    trace = {"step": step, "beta": np.broadcast_to(np.asarray(beta, dtype=float), steps)}
    trace |= {"rate": np.sqrt(step), "distortion": 100 / (1 + step)}
    if holds:
        trace["target"] = np.full(steps, 4.0)
    result = Result(
        metrics={"val/active_units": 2.0},
        scale=OnTheScale.read({"holds": holds}),
        spectrum=[0.5 * j for j in range(latents)],
        settings={}, history=[], data={}, seed=0, seconds=0.0, folder="", widths=list(widths),
    )  # fmt: skip
    return result, trace


RUNS: dict[str, Callable[[], Told]] = {
    "constant": lambda: told(1.0),
    "off": lambda: told(0.0),
    "over decades": lambda: told(np.geomspace(1e-3, 10, 50), "distortion"),
    "flips": lambda: told(
        np.where(np.arange(50) % 2, 100.0, -100.0), "rate", latents=8, widths=(5, 3)
    ),
    "one step": lambda: told(2.0, latents=1, steps=1),
    "codes nothing": lambda: told(1.0, latents=1),
}


def test_a_page_does_not_remember_the_run_before(tmp_path: Path) -> None:
    fresh = {}
    for name, run in RUNS.items():
        Page().draw(*run(), tmp_path / "fresh.png")
        fresh[name] = (tmp_path / "fresh.png").read_bytes()
    page, used, before = Page(), tmp_path / "used.png", ""
    walk = list(every_pair_in_turn(sorted(RUNS)))
    assert len(set(pairwise(walk))) == len(RUNS) ** 2
    for name in walk:
        page.draw(*RUNS[name](), used)
        assert used.read_bytes() == fresh[name], f"{name} after {before}"
        before = name


def every_pair_in_turn(names: list[str]) -> Iterator[str]:
    """A walk on which each name follows each, itself too, exactly once: a de Bruijn sequence."""
    for i, name in enumerate(names):
        yield name
        for other in names[i + 1 :]:
            yield from (name, other)
    yield names[0]


def test_a_page_shows_all_of_a_run(tmp_path: Path) -> None:
    page = Page()
    page.draw(*told(np.geomspace(1e-3, 10, 50), "rate", latents=8), tmp_path / "page.png")
    assert page.weight.get_yscale() == "log"
    for low, high, axis in ((1e-3, 10, page.weight), (0, 7, page.kl.axis), (0, 3.5, page.spectrum)):
        bottom, top = axis.get_ylim()
        assert bottom <= low < high < top
    first, last = page.kl.axis.get_xlim()
    assert first <= 0
    assert last > 49
    assert len(page.spectrum.patches) == 8
    assert page.spectrum.get_title() == "KL spectrum: 2 of 8 active"


def test_layers_stand_side_by_side_in_the_spectrum(tmp_path: Path) -> None:
    page = Page()
    page.draw(*told(1.0, latents=5, widths=(2, 3)), tmp_path / "page.png")
    heights = [bar.get_height() for bar in page.spectrum.patches]  # type: ignore[attr-defined]
    assert heights == [0.5, 0.0, 2.0, 1.5, 1.0]
    assert [text.get_text() for text in page.spectrum.texts] == ["$z_1$", "$z_2$"]
    assert [text.get_position()[0] for text in page.spectrum.texts] == [1.5, 4.0]
    page.draw(*told(1.0), tmp_path / "page.png")
    assert not page.spectrum.texts


def test_a_target_is_shown_where_it_is_held(tmp_path: Path) -> None:
    page = Page()
    for holds in ("rate", "distortion", None):
        page.draw(*told(1.0, holds), tmp_path / "page.png")
        for name, curve in (("rate", page.kl), ("distortion", page.distortion)):
            assert curve.legend.get_visible() == (name == holds)
            assert len(curve.target.get_xdata()) == (50 if name == holds else 0)


def test_a_weight_that_flips_is_shown_as_the_model_feels_it() -> None:
    beta = np.where(np.arange(400) % 2, 100.0, -100.0)
    assert np.abs(smoothed(beta)[20:]).max() == 0  # over a twentieth of the run as often up as down
    assert (smoothed(np.full(400, 3.0)) == 3).all()
