"""The curve of a family in the record of its trial."""

import json
from io import StringIO
from pathlib import Path

import pandas as pd

from betafront.tracking.trial_run import CURVE, _log_curve


class Client:
    """What is logged."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def log_text(self, run_id: str, text: str, name: str) -> None:
        self.texts[name] = text


def logged(folder: Path, text: str) -> dict[str, str]:
    client = Client()
    (folder / "result.json").write_text(text)
    _log_curve(client, "0", folder)  # type: ignore[arg-type]
    return client.texts


def test_it_is_a_table_of_its_points(tmp_path: Path) -> None:
    curve = [
        {"beta": b, "weight": b, "sigma": None, "metrics": {"val/rate": 1 / b}} for b in (0.5, 2.0)
    ]
    table = pd.read_csv(StringIO(logged(tmp_path, json.dumps({"curve": curve}))[CURVE]))
    assert table["beta"].tolist() == [0.5, 2.0] and table["val/rate"].tolist() == [2.0, 0.5]
    assert list(table) == ["beta", "weight", "sigma", "val/rate"]


def test_other_runs_and_damaged_ones_have_none(tmp_path: Path) -> None:
    assert logged(tmp_path, json.dumps({"curve": []})) == {} == logged(tmp_path, "{}")
    assert logged(tmp_path, "{") == {}
