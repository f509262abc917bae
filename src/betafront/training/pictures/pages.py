"""The pages of a run that are drawn when somebody asks for them.

A page is drawn from the files of a finished run. Drawing takes as long as dozens of training steps,
which most trials of a sweep are spared: only the trials of the front have pages.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from betafront.errors import one_line
from betafront.files import can_write, written_whole
from betafront.training.folder import RunFolder
from betafront.training.pictures.curves import draw_training
from betafront.training.pictures.family import draw_family
from betafront.training.pictures.kl_map import draw_kl_map
from betafront.training.pictures.latent_history import draw_latent_history
from betafront.training.pictures.map import draw_map
from betafront.training.result import Result

log = logging.getLogger(__name__)
Draw = Callable[[Result, Path], None]
Source = Callable[[RunFolder], Path]
# By the name of the page: the file of the run that it is drawn from, and the function that draws.
PAGES: dict[str, tuple[Source, Draw]] = {
    "training.png": (lambda run: run.trace, draw_training),
    "latent_history.png": (lambda run: run.latent_history, draw_latent_history),
    "latent_map.png": (lambda run: run.latent_map, draw_map),
}
OF_SPATIAL_CODES: dict[str, tuple[Source, Draw]] = {
    "kl_map.png": (lambda run: run.result, draw_kl_map),
}
OF_FAMILIES: dict[str, tuple[Source, Draw]] = {
    "curve.png": (lambda run: run.result, draw_family),
}


def draw_pages(folder: Path) -> None:
    """Write the pages of a run into its `pictures`, but for those that are newer than its result.

    A page whose file is damaged or gone is left out, with a warning in the log. In a folder that is
    read-only none is drawn.

    Args:
        folder: of the run.
    """
    run = RunFolder(folder)
    if not run.has_result or not can_write(run.pictures):
        return
    for name, (source, draw) in _pages(folder).items():
        path = run.pictures / name
        if source(run).is_file() and not _is_newer(path, run.result):
            _draw(folder, draw, path)


def _pages(folder: Path) -> dict[str, tuple[Source, Draw]]:
    """The pages that a run has; where its result is damaged those of every run, which say so."""
    try:
        result = Result.load(folder)
        spatial = result.kl_map.ndim == 3
    except Exception:  # a damaged file makes its reader raise almost anything
        return PAGES
    return PAGES | (OF_SPATIAL_CODES if spatial else {}) | (OF_FAMILIES if result.curve else {})


def _draw(folder: Path, draw: Draw, path: Path) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with written_whole(path) as part:
            draw(Result.load(folder), part)
    except Exception as error:  # a damaged file makes its reader raise almost anything
        log.warning("%s is not drawn: %s", path, one_line(error))


def _is_newer(path: Path, other: Path) -> bool:
    return path.is_file() and path.stat().st_mtime_ns > other.stat().st_mtime_ns
