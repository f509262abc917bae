"""`betafront confirm`, on a study whose right answer is known: the ELBO of a linear VAE on Gaussian
data is best at β = 1, by ½(β - 1 - ln β) nats for each latent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import betafront as package
from betafront.study.lookup import find_store, find_study
from betafront.study.results.confirmation import CONFIRMATION
from betafront.study.spec import SPEC
from betafront.study.trials.confirming import PLAN

Command = Callable[..., Any]
N = 12  # data dimensions, and latents
WEIGHTS = [2.0 ** (0.5 * n) for n in range(-4, 5)]
SWEEP = (
    "study.name=s", "model=linear", f"model.latents={N}", "data=tensor",
    "likelihood.mode=fixed", "likelihood.sigma=0.5",
    f"objective.weight={','.join(map(str, WEIGHTS))}",
    "study.sampler=grid", "study.budget.trials=9", "trainer.steps=120",
    "trainer.batch_size=512", "optimizer.lr=0.1", "hydra/launcher=basic", "tracking=off",
)  # fmt: skip


@pytest.fixture
def study(swept: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A finished sweep in the folder of the test, and its command."""
    data = tmp_path_factory.getbasetemp() / "gaussian.npy"
    random = np.random.default_rng(0)
    x = random.standard_normal((3000, N)) * np.sqrt(np.geomspace(8, 2, N))
    turned, _ = np.linalg.qr(random.standard_normal((N, N)))
    np.save(data, (x @ turned).reshape(-1, 3, 4).astype(np.float32))
    command = (*SWEEP, f"data.path={data}")
    said = swept(*command)
    assert said.code == 0, said.err
    return command


def status(betafront: Command) -> dict[str, Any]:
    said = betafront("status", "s", "--json")
    assert said.code == 0, said.err
    return dict(json.loads(said.out))


def folders(place: Path) -> list[str]:
    return sorted(p.name for p in place.glob("runs/s/trial-*"))


def test_a_dry_run_says_what_it_would_cost_and_trains_nothing(
    betafront: Command, study: tuple[str, ...], own_place: Path
) -> None:
    before = folders(own_place)
    said = betafront("confirm", "s", "--dry-run")
    assert said.code == 0, said.err
    assert "3 runs of 360 optimiser steps together: 33 % of the sweep's 1,080" in said.out
    assert "with 2 workers" in said.out
    plan = json.loads(betafront("confirm", "s", "--dry-run", "--json").out)
    assert [run["factor"] for run in plan["runs"]] == [1.0, 0.5, 2.0]
    assert plan["steps"] <= plan["swept"] / 3
    assert folders(own_place) == before
    assert PLAN not in find_study("s")[0].user_attrs


def test_a_stored_command_that_asks_for_more_than_runs_is_not_given_again(
    betafront: Command, study: tuple[str, ...]
) -> None:
    store, spec = find_store("s")
    words = [*spec.command, "+hydra.callbacks.x._target_=a.b"]
    store.set(SPEC, store.settings()[SPEC] | {"command": words})
    said = betafront("confirm", "s")
    assert said.code == 2
    assert "says +hydra.callbacks.x._target_=a.b" in said.err


def test_the_decision_of_the_oracle_stands_and_nothing_else_of_the_study_changes(
    betafront: Command, study: tuple[str, ...], own_place: Path
) -> None:
    before, page = status(betafront), own_place / "runs/s/report/front.html"
    table = pd.read_csv(own_place / "runs/s/report/front.csv")
    assert before["decision"]["beta"] == 1
    assert (before["confirmed"], before["confirmation"], before["confirming"]) == (None,) * 3
    assert "Confirmed" not in page.read_text()

    said = betafront("confirm", "s", "--workers", "1")
    assert said.code == 0, said.err
    assert "[3/3]" in said.out
    text = " ".join(said.out.split())
    assert "Confirmed: best ELBO: β = 1 stands: D + R above the pick's is +" in text

    after = status(betafront)
    assert after["confirming"] == {"done": 3, "runs": 3}
    assert after["confirmed"]["word"] == "stands"
    levels = {level["beta"]: level["difference"] for level in after["confirmed"]["levels"]}
    for beta, found in levels.items():  # above the optimum, so up to what is not yet settled
        assert found == pytest.approx(N / 2 * (beta - 1 - np.log(beta)), abs=0.6)
    changed = {"confirming", "confirmed", "confirmation"}
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }
    pd.testing.assert_frame_equal(pd.read_csv(own_place / "runs/s/report/front.csv"), table)
    assert "<b>Confirmed.</b>" in page.read_text()
    assert "Decision, confirmed" in betafront("status", "s").out

    had = folders(own_place)
    again = json.loads(betafront("confirm", "s", "--json").out)
    assert again["confirmed"] == after["confirmed"]
    found = package.confirm("s", quiet=True)
    assert found
    assert json.loads(json.dumps(found.record)) == again
    assert repr(found).startswith("Confirmed: best ELBO")
    assert folders(own_place) == had

    # The same seed and settings at each β: only the weight differs.
    places = (own_place / f"runs/s/trial-{n:04d}/result.json" for n in (9, 10, 11))
    runs = [json.loads(place.read_text()) for place in places]
    assert len({run["seed"] for run in runs}) == 1
    assert [run["scale"]["beta"] for run in runs] == [1, 0.5, 2]


def test_a_study_without_a_decision_is_refused_in_one_line(
    betafront: Command, fast: tuple[str, ...]
) -> None:
    few = ("objective.weight=0.5,1", "study.sampler=grid", "study.budget.trials=2")
    said = betafront("sweep", *few, *fast, "study.name=few", "study.confirm=true")
    assert said.code == 0, said.err
    assert "Not confirmed: few has nothing to confirm. No decision: the study has 2" in " ".join(
        said.out.split()
    )
    said = betafront("confirm", "few")
    assert said.code == 2
    assert said.err.startswith("betafront: few has nothing to confirm. No decision: ")
    assert said.err.count("\n") == 1
    assert CONFIRMATION not in find_study("few")[0].user_attrs
    assert "must be at least 1" in betafront("confirm", "few", "--workers", "0").err
