"""What all studies share: sweeps whose table, picture and settings are kept beside the README.

    make study NAME=weighting    # python -m studies.weighting.run
    make studies-quick           # a few small runs of each study, to see that all of it works

A sweep of a study is an ordinary one, in the runs folder that BETAFRONT_RUNS names: the same
command goes on where it stopped. Of a quick variant everything goes to a folder that is removed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import pandas as pd

from betafront.addresses import runs_folder

KEPT = ("front.csv", "front.png", "study.json")  # of a study's report
STUDIES = Path(__file__).parent
ALONE = ("study.workers=1", "hydra/launcher=basic")  # a sweep in one process
After = Callable[[dict[str, Path], Path, bool], None]
"""Makes something of the folders of a study's sweeps, by their names, in the folder of its results;
the last argument says whether they are of the quick variant."""


@dataclass(frozen=True)
class Sweep:
    """A sweep of a study.

    Attributes:
        name: of it, after the name of the study; its results have a folder of that name. Empty for
            the only one of a study.
        words: overrides.
        quick: further ones of the quick variant, which is left out where there are none.
    """

    name: str
    words: Sequence[str] = ()
    quick: Sequence[str] = ()


def betafront(*words: str) -> None:
    """Run a command, whose words and errors are seen."""
    subprocess.run([sys.executable, "-m", "betafront", *words], check=True)


def swept(study: str, sweep: Sweep, quick: bool) -> Path:
    """The folder of a sweep, when it is done."""
    name = "-".join(filter(None, [study, sweep.name]))
    words = [*sweep.words, *(sweep.quick if quick else ())]
    betafront("sweep", f"study={study}", f"study.name={name}", "tracking=off", *words)
    return runs_folder() / name


def at_points(study: str, name: str, points: Sequence[Mapping[str, object]], *words: str) -> None:
    """Do a sweep of given points, as many at once as pay.

    Args:
        study: the recipe.
        name: of the sweep. Those of as many points with other names have the same seeds, trial by
            trial.
        points: in the order of the trials.
        words: further overrides.
    """
    given = json.dumps(points).replace('"', "").replace(" ", "")
    settings = (f"study.enqueue={given}", f"study.budget.trials={len(points)}", "study.stack=auto")
    betafront("sweep", f"study={study}", f"study.name={name}", "tracking=off", *settings, *words)


class OfImages(Protocol):
    """The studies of one set of images, one of a process (`ALONE`) for each part of a question."""

    @property
    def parts(self) -> Sequence[str]:
        """The names of the parts."""

    def sweep(self, part: str) -> None:
        """Have the study of a part done."""


def in_parts(
    file: str,
    images: Sequence[OfImages],
    quick: OfImages,
    tables: Mapping[str, Callable[[Any, str], pd.DataFrame]],
    found: Callable[[Path], None],
) -> None:
    """Do the studies of every part of a question, and write the tables of their results.

    Args:
        file: the study's `run.py`.
        images: in order.
        quick: in their place in the quick variant.
        tables: by name, what gives the rows of a part.
        found: reads the tables, in the folder of the results.
    """
    with results_of(file) as (results, is_quick):
        chosen = [quick] if is_quick else images
        every = [(of_images, part) for of_images in chosen for part in of_images.parts]
        _side_by_side([partial(of_images.sweep, part) for of_images, part in every], is_quick)
        results.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            table = pd.concat([rows(*part) for part in every])
            table.to_csv(results / f"{name}.csv", index=False, float_format="%.6g")
        found(results)


def _side_by_side(sweeps: Sequence[Callable[[], object]], quick: bool) -> None:
    """Do several sweeps, two at a time; of a quick variant one after the other."""
    if quick:
        for sweep in sweeps:
            sweep()
        return
    with ThreadPoolExecutor(2) as pool:  # which wait for their processes
        for done in [pool.submit(sweep) for sweep in sweeps]:
            done.result()


def keep(folder: Path, results: Path) -> None:
    """Keep the table, the picture and the settings of a sweep."""
    results.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(folder / "report" / name, results / name)


@contextmanager
def results_of(file: str) -> Iterator[tuple[Path, bool]]:
    """The folder for the results of a study, and whether its quick variant is asked for, whose
    folders are removed in the end.

    Args:
        file: the study's `run.py`.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="a few small runs, kept nowhere")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not parser.parse_args().quick:
        yield Path(file).parent / "results", False
        return
    with TemporaryDirectory() as place:
        os.environ["BETAFRONT_RUNS"] = f"{place}/runs"
        yield Path(place) / "results", True


def main(file: str, sweeps: Sequence[Sweep], after: After | None = None) -> None:
    """Do the sweeps of a study, and keep what came of them.

    Args:
        file: the study's `run.py`.
        sweeps: in order.
        after: what is made of them.
    """
    with results_of(file) as (results, quick):
        done = [sweep for sweep in sweeps if sweep.quick or not quick]
        folders = {sweep.name: swept(Path(file).parent.name, sweep, quick) for sweep in done}
        for name, folder in folders.items():
            keep(folder, results / name)
        if after is not None:
            after(folders, results, quick)
