"""What studies find in tables whose answer is known."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """The module `found` of the study that is the parameter."""
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module(f"studies.{request.param}.found")


@pytest.mark.parametrize("found", ["annealing"], indirect=True)
def test_schedules_are_compared_at_the_same_beta_and_seed(found: Any) -> None:
    offsets = {"linear": 2.0, "constant": 0.0}  # not first: the order of the table does not matter
    rows = [
        {"schedule": schedule, "beta": beta, "replicate": seed}
        | dict.fromkeys(found.ENDS.values(), 10 * beta + seed + offset)
        for seed in (1, 0)
        for schedule, offset in offsets.items()
        for beta in (1.0, 4.0)
    ]
    apart = found.differences(pd.DataFrame(rows))
    assert len(apart) == 4
    assert (apart == 2).all().all()


@pytest.mark.parametrize("found", ["controllers"], indirect=True)
def test_a_run_is_off_the_front_by_its_distortion_at_its_own_rate(found: Any) -> None:
    points = [
        {"method": "constant", "weight": beta, "replicate": seed, found.R: rate, found.D: -3 * rate}
        for beta, rate in ((1.0, 9.0), (2.0, 6.0), (3.0, 4.0), (4.0, 1.0))
        for seed in (0, 1)
    ]
    held = [
        {"method": "geco", "weight": 1.0, "replicate": 0, found.R: 5.0, found.D: -14.5},
        {"method": "geco", "weight": 1.0, "replicate": 0, found.R: 11.0, found.D: -33.0},
    ]
    away = found.off_front(pd.DataFrame([*points, *held]))
    assert np.allclose(away[:-2], 0)
    assert away[-2] == pytest.approx(0.5)
    assert np.isnan(away[-1])


@pytest.mark.parametrize("found", ["likelihoods"], indirect=True)
def test_the_best_fixed_sigma_lies_between_those_that_were_tried(found: Any) -> None:
    sigmas = np.array([0.4, 0.2, 0.1, 0.05])
    nats = 7 + 3 * np.log(sigmas / 0.15) ** 2
    sigma, least = found.best(
        pd.DataFrame({"likelihood": found.FIXED, "sigma": sigmas, found.NATS: nats})
    )
    assert (sigma, least) == (pytest.approx(0.15), pytest.approx(7))


@pytest.mark.parametrize("found", ["three_prices"], indirect=True)
def test_every_row_of_the_benchmarks_tables_is_read(found: Any) -> None:
    table = found.read(found.TABLES)
    assert set(table["data"]) == {path.stem for path in found.TABLES.glob("*.txt")}
    assert (table.groupby(["data", "seed"]).size() == table["study"].nunique()).all()
    both = table.dropna(subset=["scout", "seconds"])
    assert len(both) and (both["scout"] < both["seconds"]).all()
