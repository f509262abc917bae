"""Notebooks executed for the site, each once for what it is made of.

python docs/site/notebook.py build/site/notebooks
"""

import os
import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import nbclient
import nbformat
from nbformat import NotebookNode
from plotly.io import to_html

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples/own_model.ipynb"
CODE = ("src/betafront/**/*.py", "conf/**/*.yaml")  # whose outputs they are
WIDE = {"responsive": True}
FIGURE, HTML = "application/vnd.plotly.v1+json", "text/html"


def executed(path: Path, kept: Path) -> NotebookNode:
    """A notebook with its outputs: those that are kept, where neither it nor the code has changed
    since, and else those of running it in an empty folder beside them.

    Args:
        path: of the notebook.
        kept: the folder of outputs.

    Raises:
        CellExecutionError: a cell has failed.
    """
    result = kept / f"{path.stem}-{_digest(path)}.ipynb"
    if not result.is_file():
        for former in kept.glob(f"{path.stem}-*.ipynb"):
            former.unlink()
        place = kept / path.stem
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        book = nbformat.read(path, as_version=4)
        where = {"metadata": {"path": place}}
        environment = {k: v for k, v in os.environ.items() if k != "BETAFRONT_RUNS"}
        environment["OMP_NUM_THREADS"] = "1"  # its workers share the cores
        nbclient.NotebookClient(book, timeout=None, resources=where).execute(env=environment)
        nbformat.write(book, result)
    return nbformat.read(result, as_version=4)


def _digest(path: Path) -> str:
    """Of a notebook and all that decides its outputs."""
    found = sha256(path.read_bytes())
    for file in sorted(file for pattern in CODE for file in ROOT.glob(pattern)):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def with_figures(book: NotebookNode, plotly: str) -> NotebookNode:
    """A notebook whose plotly figures a page draws without a kernel.

    Args:
        book: executed.
        plotly: the address of plotly.js from its page.
    """
    for output in _outputs(book):
        figure = output.get("data", {}).get(FIGURE)
        if figure:
            figure["layout"].pop("width", None)  # as wide as its page
            output["data"] = {HTML: to_html(figure, WIDE, include_plotlyjs=plotly, full_html=False)}
    return book


def _outputs(book: NotebookNode) -> Iterator[NotebookNode]:
    for cell in book.cells:
        yield from cell.get("outputs", ())


if __name__ == "__main__":
    executed(NOTEBOOK, Path(sys.argv[1]))
