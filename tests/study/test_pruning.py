"""A sweep that stops what is far behind, from the command to its tables."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from tests.study.conftest import a_spec

from betafront.errors import UserError
from betafront.front.table import PLANE
from betafront.study.spec import SPEC, Spec
from betafront.study.spec_of_config import check_pruner, pruner
from betafront.training.folder import RunFolder

Command = Callable[..., Any]
GOOD, BAD = 0.03, 1e-6
SWEEP = (
    "study.name=s", "study.pruner=own_line", "objective.weight=tag(log,interval(0.5,2))",
    f"optimizer.lr=choice({GOOD},{BAD})", "study.sampler=tpe", "study.budget.trials=11",
    "study.workers=1", "study.stack=2", "trainer.steps=24", "trainer.batch_size=32",
    "model.hidden=[8]", "model.latents=2", "data.limit=200", "hydra/launcher=basic", "tracking=off",
)  # fmt: skip


def is_better(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether what a run has had at a rung dominates what another one has had there."""
    return bool(
        one["part"] == other["part"]
        and one["rate"] <= other["rate"]
        and one["distortion"] < other["distortion"]
    )


def test_a_sweep_stops_what_is_behind_and_keeps_its_front(
    betafront: Command, own_place: Path
) -> None:
    said = betafront("sweep", *SWEEP)
    assert said.code == 0, said.err
    assert "behind on its own line" in said.out

    now = json.loads(betafront("status", "s", "--json").out)
    assert now["pruned"] > 0
    assert now["complete"] + now["pruned"] == 11
    assert now["failed"] == now["lost"] == 0
    pruned = {one["trial"]: one for one in now["pruned_trials"]}
    assert len(pruned) == now["pruned"]
    assert not set(now["front"]) & set(pruned)

    study = optuna.load_study(study_name="s", storage=f"sqlite:///{own_place}/runs/studies.db")
    for number, one in pruned.items():
        trial = study.trials[number]
        assert trial.state.name == "PRUNED"
        assert trial.values is None
        last = trial.user_attrs["rungs"][-1]
        assert one["step"] == last["step"] < 24
        assert any(is_better(rung, last) for t in study.trials for rung in t.user_attrs["rungs"])
        run = RunFolder(own_place / f"runs/s/trial-{number:04d}")
        assert run.has_checkpoint  # from which it may be gone on with
        assert not run.has_result
    bad = [study.trials[number].params["optimizer.lr"] == BAD for number in pruned]
    assert sum(bad) >= len(bad) / 2

    assert f"{now['pruned']} pruned; budget 11" in betafront("status", "s").out
    page = (own_place / "runs/s/report/front.html").read_text()
    assert f"{now['complete']} complete, {now['pruned']} pruned" in page

    number = min(pruned)
    end = betafront("train", "--trial", str(number), "--study", "s")
    assert end.code == 0, end.err
    assert f"Trial {number} of s, which was pruned, has gone on from its checkpoint" in end.out
    (folder,) = own_place.glob("runs/train/*")
    went_on = json.loads(RunFolder(folder).result.read_text())["history"]
    assert went_on[0]["step"] <= pruned[number]["step"] < went_on[-1]["step"] == 24
    assert not RunFolder(own_place / f"runs/s/trial-{number:04d}").has_result

    again = betafront("sweep", *SWEEP)
    assert again.code == 0
    assert "complete: 11 of 11" in again.out


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, ""),
        (
            {"objectives": {"val/rate": "minimize", "val/mse": "minimize"}},
            "needs study.objectives=",
        ),
        ({"replicates": 2}, "stops single runs, and study.replicates=2"),
        ({"space": {"trainer.steps": "16,32"}}, "trainer.steps or trainer.epochs is searched"),
    ],
)
def test_a_study_whose_runs_the_rule_cannot_compare_is_refused(
    more: dict[str, Any], why: str
) -> None:
    spec = a_spec(**{"objectives": PLANE, "pruner": "own_line", **more})
    if not why:
        check_pruner(spec)
        return
    with pytest.raises(UserError, match=re.escape(why)):
        check_pruner(spec)
    check_pruner(replace(spec, pruner="off"))


def test_a_study_of_an_earlier_version_prunes_nothing() -> None:
    kept = asdict(a_spec())
    del kept["pruner"]
    del kept["identity"]
    assert Spec.of({SPEC: kept}).pruner == "off"


def test_off_is_what_yaml_makes_of_it_and_another_name_is_refused() -> None:
    assert [pruner(written) for written in ("off", False, None, "own_line")] == [
        "off", "off", "off", "own_line",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"study\.pruner=own-line is unknown: .*own_line"):
        pruner("own-line")


def test_runs_without_a_line_of_their_own_are_refused_before_anything_is_trained(
    betafront: Command, own_place: Path
) -> None:
    said = betafront("sweep", *SWEEP, "shaping=plain,free_bits")
    assert said.code != 0
    assert "shaping puts another function of the KL in place of R: leave study.pruner" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not list(own_place.glob("runs/s/trial-*"))
