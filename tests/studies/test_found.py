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
        for beta in ((1.0, 4.0) if offset else (4.0, 1.0))
    ]
    apart = found.differences(pd.DataFrame(rows))
    assert len(apart) == 4
    assert (apart == 2).all().all()


@pytest.mark.parametrize("found", ["controllers"], indirect=True)
def test_a_run_is_off_the_front_by_its_distortion_at_its_own_rate(found: Any) -> None:
    points = [
        {
            "method": "constant", "weight": beta, "replicate": seed, found.R: rate,
            found.D: seed - 3 * rate,
        }
        for beta, rate in ((1.0, 9.0), (2.0, 6.0), (3.0, 4.0), (4.0, 1.0))
        for seed in (0, 1)
    ]  # fmt: skip
    held = [
        {"method": "geco", "weight": 1.0, "replicate": 0, found.R: 5.0, found.D: -14.5},
        {"method": "geco", "weight": 1.0, "replicate": 0, found.R: 11.0, found.D: -33.0},
    ]
    away = found.off_front(pd.DataFrame([*points, *held]))
    assert np.allclose(away[:-2:2], -1)  # the front of the other seed alone
    assert np.allclose(away[1:-2:2], 1)
    assert away[-2] == pytest.approx(-0.5)
    assert np.isnan(away[-1])


@pytest.mark.parametrize("found", ["likelihoods"], indirect=True)
def test_the_best_fixed_sigma_lies_between_those_that_were_tried(found: Any) -> None:
    sigmas, pixels, error = np.array([0.4, 0.2, 0.1, 0.05]), 60, 0.15**2
    nats = 7 + pixels * (np.log(sigmas) + 0.5 * error / sigmas**2)  # least where σ² is the error
    columns = {"sigma": sigmas, found.NATS: nats, found.R: 3.0, found.MSE: error}
    place, value, at_end = found.best(
        pd.DataFrame({"likelihood": found.FIXED, "pixels": pixels, **columns})
    )
    assert np.exp(place) == pytest.approx(0.15, rel=2e-3)
    assert value == pytest.approx(7 + pixels * (np.log(0.15) + 0.5), abs=1e-3)
    assert not at_end


@pytest.mark.parametrize("found", ["three_prices"], indirect=True)
def test_every_row_of_the_benchmarks_tables_is_read(found: Any) -> None:
    table = found.read(found.TABLES)
    assert set(table["data"]) == {path.stem for path in found.TABLES.glob("*.txt")}
    for _, part in table.groupby(["data", "seed"]):
        assert list(part["study"]) == ["plain, 0.001 to 100", "forecast", "forecast, scout"]
    both = table.dropna(subset=["scout", "seconds"])
    assert len(both) and (both["scout"] < both["seconds"]).all()


@pytest.mark.parametrize("found", ["sum_or_mean"], indirect=True)
def test_the_weights_that_do_the_same_are_read_between_the_trials(
    found: Any, tmp_path: Path
) -> None:
    betas = 10 ** np.arange(-1.0, 2.6, 0.5)
    rows = []
    for study, pixels, unit in (("digits", 64, 1.0), ("mnist14", 196, 3.0)):
        for latents in (2, 8):
            x = np.log(betas / unit)
            rate = np.maximum(6 - 2 * x, 0.0)  # 5 nats at e^0.5 units, dead from e^3 on
            nats = 7 + 3 * x**2 - rate
            mse = np.exp(2 * nats / pixels - 1) / (2 * np.pi)
            table = {"beta": betas, "val/rate": rate, "val/mse": mse, "pixels": pixels}
            of = {"study": study, "model.latents": latents, "likelihood.mode": "optimal"}
            rows.append(pd.DataFrame(table).assign(**of, normalisation="sum"))
        (tmp_path / f"{study}.json").write_text('{"optimal": 20}')
    trials = pd.concat(rows)
    spread = found.spreads(found.found(trials))["sizes and latents"]
    assert [row["place"] for row in spread] == list(found.PLACES)
    for row in spread:  # β changes by the unit, and what is made of N or M by these too
        assert row["sum"] == pytest.approx(3, rel=0.03)
        assert row["pixel_mean"] == pytest.approx(196 / 64 / 3, rel=0.03)
        assert row["mean (β_norm)"] == pytest.approx(4 * 196 / 64 / 3, rel=0.03)
    edges = found.collapses(trials, tmp_path)
    assert [row["dead below β_c"] for row in edges] == [0, 0, 0, 0]
    assert [row["alive above β_c"] for row in edges] == [0, 0, 1, 1]  # one at 31.6


@pytest.mark.parametrize("found", ["beta_norm"], indirect=True)
def test_the_best_beta_norm_of_each_number_of_latents(found: Any) -> None:
    weights = np.array([0.01, 0.1, 1.0])
    rows = [
        {
            "model.latents": latents, "beta_norm": weight, "beta": weight * 64 / latents,
            "weight": weight, "replicates": 2,
            "val/mig": mig, "val/distortion": 100 * weight, "val/rate": 1.0, "standing": standing,
            "sd/val/mig": 0.04,
        }
        for latents, migs in ((2, (0.1, 0.3, 0.0)), (8, (0.1, 0.25, 0.3)))
        for weight, mig in zip(weights, migs, strict=True)
        for standing in ["collapsed" if mig == 0 else "settled"]
    ]  # fmt: skip
    said = found.found(pd.DataFrame(rows))
    first, second = said["best"]
    assert (first["β_norm"], first["collapsed from"]) == (0.1, 1.0)
    assert (second["β_norm"], second["as good from"], second["to"]) == (1.0, 0.1, 1.0)
    assert said["greatest over least"] == {"β_norm": pytest.approx(10), "β": pytest.approx(2.5)}
    over = said["over latents"]
    assert [row["mean"] for row in over] == pytest.approx([0.1, 0.275, 0.15])
    assert [row["error"] for row in over] == pytest.approx([0.04 / 2] * 3)  # two seeds of two
    assert [row["collapsed"] for row in over] == [0, 0, 1]
    assert np.isnan(found.sd_between_seeds(pd.DataFrame(rows).drop(columns="sd/val/mig")))
