"""The notebook of the examples runs from its first cell to its last."""

from pathlib import Path

import psutil
import pytest


@pytest.mark.slow(minutes=3)
def test_the_notebook_runs(notebook: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    (result,) = notebook.glob("*.ipynb")
    place = notebook / result.stem.rpartition("-")[0]
    book = nbformat.read(result, as_version=4)
    shown = [output for cell in book.cells for output in cell.get("outputs", ())]
    of_kind = {kind for output in shown for kind in output.get("data", {})}
    assert {"text/html", "application/vnd.plotly.v1+json"} <= of_kind
    assert not [output for output in shown if output["output_type"] == "error"]
    assert (place / "runs/blobs/trial-0007/result.json").is_file()
    assert (place / "blob-model/load.py").is_file()
    model_is_better_than_the_mean(shown[-1]["data"]["text/plain"])
    assert workers_in(place) == []  # that the killed kernel would leave behind


def model_is_better_than_the_mean(errors: str) -> None:
    """The last cell says the mean error of the reconstructions, and that of the mean image."""
    model, mean = map(float, errors.strip("()").split(","))
    assert model < mean


def workers_in(folder: Path) -> list[psutil.Process]:
    """Processes of joblib that work in a folder, or wait there for more work."""
    found = psutil.process_iter(["cwd", "cmdline"])
    return [
        process
        for process in found
        if process.info["cwd"] == str(folder)
        and "--process-name" in (process.info["cmdline"] or ())
    ]
