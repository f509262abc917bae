from pathlib import Path

import pytest

from betafront.study.seeds import run_seed, seed_from
from betafront.study.trials.replicates import replicate, run_folder, runs_of, together
from betafront.training import OnTheScale, Result


def result(rate: float, beta: float | None, reached: bool | None, number: int) -> Result:
    written = {"beta": beta, "beta_norm": beta, "reached": reached, "weight": 2.0}
    scale = OnTheScale.read(written | {"normalisation": "sum"})
    folder = f"/study/{run_folder(7, number)}"
    return Result({"val/rate": rate}, scale, [], {}, [], {}, 10 + number, 1.5, folder)


def record(*rates: float, reached: bool | None = None) -> dict:
    runs = [replicate(result(r, r / 2, reached, i), Path("/study")) for i, r in enumerate(rates)]
    return together(runs)


def test_the_first_replicate_is_the_trial_and_the_others_have_folders_below_it() -> None:
    assert run_folder(7, 0) == "trial-0007"
    assert run_folder(7, 2) == "trial-0007/replicate-2"
    assert record(1.0, 3.0)["folder"] == "trial-0007"
    assert [r["folder"] for r in runs_of(record(1.0, 3.0))] == [
        "trial-0007",
        "trial-0007/replicate-1",
    ]


def test_a_trial_is_the_mean_of_its_runs_and_keeps_them() -> None:
    found = record(1.0, 2.0, 6.0, reached=True)
    assert found["metrics"] == {"val/rate": 3.0}
    assert found["spread"]["val/rate"] == pytest.approx(7**0.5)
    assert found["scale"]["beta"] == 1.5
    assert found["scale"]["sigma"] is None
    assert found["scale"]["reached"] is True
    assert found["seconds"] == 4.5
    assert [r["metrics"]["val/rate"] for r in runs_of(found)] == [1.0, 2.0, 6.0]
    assert [r["seed"] for r in runs_of(found)] == [10, 11, 12]


def test_one_run_is_itself() -> None:
    found = record(4.0)
    assert found["metrics"] == {"val/rate": 4.0}
    assert "spread" not in found
    assert runs_of(found) == [found]


def test_a_trial_reached_its_target_if_all_its_runs_did() -> None:
    runs = [replicate(result(1.0, 1.0, r, i), Path("/study")) for i, r in enumerate([True, False])]
    assert together(runs)["scale"]["reached"] is False


def test_seeds_of_runs_differ_and_the_first_is_the_trials_own() -> None:
    seeds = {run_seed(0, first, r) for first in range(30) for r in range(5)}
    assert len(seeds) == 150
    assert run_seed(0, 3, 0) == seed_from(0, 3)
