import json
from pathlib import Path

import pytest

from betafront.study.seeds import run_seed, seed_from
from betafront.study.trials.replicates import Record, record_of_run, record_of_runs, run_folder
from betafront.training import OnTheScale, Result


def result(rate: float, beta: float | None, reached: bool | None, number: int) -> Result:
    written = {"beta": beta, "beta_norm": beta, "reached": reached, "weight": 2.0}
    scale = OnTheScale.read(written | {"normalisation": "sum"})
    folder = f"/study/{run_folder(7, number)}"
    return Result({"val/rate": rate}, scale, [], {}, [], {}, 10 + number, 1.5, folder)


def record(*rates: float, reached: bool | None = None) -> Record:
    runs = [
        record_of_run(result(r, r / 2, reached, i), Path("/study")) for i, r in enumerate(rates)
    ]
    return record_of_runs(runs)


def test_the_first_replicate_is_the_trial_and_the_others_have_folders_below_it() -> None:
    assert run_folder(7, 0) == "trial-0007"
    assert run_folder(7, 2) == "trial-0007/replicate-2"
    assert record(1.0, 3.0).folder == "trial-0007"
    assert [r.folder for r in record(1.0, 3.0).runs] == [
        "trial-0007",
        "trial-0007/replicate-1",
    ]


def test_a_trial_is_the_mean_of_its_runs_and_keeps_them() -> None:
    found = record(1.0, 2.0, 6.0, reached=True)
    assert found.metrics == {"val/rate": 3.0}
    assert (found.spread or {})["val/rate"] == pytest.approx(7**0.5)
    assert found.scale.beta == 1.5
    assert found.scale.sigma is None
    assert found.scale.reached is True
    assert found.seconds == 4.5
    assert [r.metrics["val/rate"] for r in found.runs] == [1.0, 2.0, 6.0]
    assert [r.seed for r in found.runs] == [10, 11, 12]


def test_one_run_is_itself() -> None:
    found = record(4.0)
    assert found.metrics == {"val/rate": 4.0}
    assert found.spread is None
    assert found.runs == (found,)


@pytest.mark.parametrize("rates", [(4.0,), (1.0, 2.0, 6.0)])
def test_a_record_is_written_and_read(rates: tuple[float, ...]) -> None:
    found = record(*rates)
    kept = json.loads(json.dumps(found.written()))
    assert Record.read(kept) == found
    several = len(rates) > 1
    more = ["spread", "replicates"] if several else []
    assert list(kept) == ["metrics", "scale", "seconds", "folder", "seed", *more]
    assert Record.read(kept | {"of_a_later_version": 1}) == found


def test_a_trial_reached_its_target_if_all_its_runs_did() -> None:
    runs = [
        record_of_run(result(1.0, 1.0, r, i), Path("/study")) for i, r in enumerate([True, False])
    ]
    assert record_of_runs(runs).scale.reached is False


def test_seeds_of_runs_differ_and_the_first_is_the_trials_own() -> None:
    seeds = {run_seed(0, first, r) for first in range(30) for r in range(5)}
    assert len(seeds) == 150
    assert run_seed(0, 3, 0) == seed_from(0, 3)
