"""A dry run says what a sweep would do, and leaves nothing behind."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from betafront.study import dry_run
from betafront.study.dry_run import broken

Command = Callable[..., Any]

MINE = """\
# @package _global_
trainer:
  steps: 15
study:
  name: mine
  question: Does it matter?
  sampler: random
  space:
    objective.weight: tag(log, interval(0.01, 10))
    schedule: choice(constant, linear)
    schedule=linear:
      schedule.warmup: interval(0.1, 1)
  constraints: ["schedule.warmup <= objective.weight * 1000"]
"""
SMALL = ("model.hidden=[8]", "data.limit=200", "hydra/launcher=basic", "tracking=off")


@pytest.fixture
def mine(own_place: Path) -> Path:
    """A study of the user's own, with conditions and a constraint."""
    (own_place / "studies/mine").mkdir(parents=True)
    (own_place / "studies/mine/study.yaml").write_text(MINE)
    return own_place


def commands(out: str) -> list[list[str]]:
    """The commands that were printed, as a shell reads them."""
    whole = out.replace("\\\n", " ")
    return [shlex.split(line) for line in whole.splitlines() if "betafront train" in line]


def test_it_says_what_would_be_done_and_leaves_nothing(betafront: Command, mine: Path) -> None:
    before = sorted(mine.rglob("*"))
    said = betafront("sweep", "--dry-run", "study=mine", "study.budget.trials=40", *SMALL)
    assert said.code == 0, said.err
    assert sorted(mine.rglob("*")) == before
    assert "Does it matter?" in said.out
    assert "schedule.warmup     interval(0.1, 1)" in said.out
    assert "schedule=linear" in said.out
    assert "constraint  schedule.warmup <= objective.weight * 1000" in said.out
    assert re.search(r"infinitely many points; \d branches were each composed", said.out)
    assert "40 trials, 2 workers" in said.out
    assert re.search(r"40 such runs take about \d", said.out)
    assert len(commands(said.out)) == 5
    # Nothing is wider than a page, but for the command to be copied at the end.
    body, _, last = said.out.rpartition("\n  sweep")
    assert max(map(len, body.splitlines())) <= 100
    assert "dry_run" not in last
    assert shlex.split(last)[:4] == ["betafront", "sweep", "hydra/launcher=basic", "study=mine"]


def test_a_printed_command_gives_the_numbers_of_the_sweeps_trial(
    betafront: Command, mine: Path
) -> None:
    sweep = ("study=mine", "study.budget.trials=3", "study.workers=1", *SMALL)
    printed = commands(betafront("sweep", "--dry-run", *sweep).out)
    assert betafront("sweep", *sweep).code == 0
    schedules = set()
    for number, (_, *words) in enumerate(printed):
        said = betafront(*words, f"hydra.run.dir=again-{number}")
        assert said.code == 0, said.err
        again = json.loads((mine / f"again-{number}/result.json").read_text())
        trial = json.loads((mine / f"runs/mine/trial-{number:04d}/result.json").read_text())
        for key in ("metrics", "scale", "spectrum", "seed"):
            assert again[key] == trial[key]
        schedules |= {word for word in words if word.startswith("schedule=")}
    assert schedules == {"schedule=constant", "schedule=linear"}


def test_a_study_that_is_there_is_gone_on_with_or_refused(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    sweep = ("objective.weight=0.1,1,10", *fast, "study.sampler=grid")
    assert betafront("sweep", *sweep, "study.budget.trials=1").code == 0
    said = betafront("sweep", "--dry-run", *sweep)
    assert "3 trials, 2 workers; 1 of them is finished, and the sweep goes on" in said.out
    assert "2 such runs take" in said.out
    said = betafront("sweep", "--dry-run", *sweep, "model.latents=3")
    assert said.code == 2
    assert "with other settings (model.latents: 8, now 3)" in said.err


def test_a_first_trial_without_a_result_is_said(betafront: Command, fast: tuple[str, ...]) -> None:
    said = betafront("sweep", "--dry-run", "optimizer.lr=1e30,1e31", *fast)
    assert said.code == 0, said.err
    assert "unknown: the first trial diverged: the loss became NaN" in said.out


def test_a_long_run_is_measured_by_its_beginning(
    betafront: Command, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "MEASURED_SECONDS", 0.0)
    long = "trainer.steps=2000"  # it is looked at after each twentieth
    said = betafront("sweep", "--dry-run", "objective.weight=interval(0.1,1)", *fast, long)
    assert said.code == 0, said.err
    assert re.search(r"measured over its first \d+ of 2000 steps", said.out)


def test_a_budget_of_time_says_how_far_it_goes(betafront: Command, fast: tuple[str, ...]) -> None:
    said = betafront(
        "sweep", "--dry-run", "objective.weight=interval(0.1,1)", *fast,
        "study.budget.trials=100000", "study.budget.seconds=60", "study.replicates=2",
    )  # fmt: skip
    assert "100000 trials of 2 replicates, 2 workers, 60 s in all" in said.out
    assert re.search(r"study.budget.seconds=60 ends it after about \d+ trials", said.out)


def test_points_that_were_asked_for_come_first(betafront: Command, fast: tuple[str, ...]) -> None:
    said = betafront(
        "sweep", "--dry-run", "objective.weight=interval(0.1,1)", "normalisation=sum,mean", *fast,
        "study.enqueue=[{objective.weight: 0.25, normalisation: mean}, {objective.weight: 0.5}]",
    )  # fmt: skip
    assert said.code == 0, said.err
    first, second, *_ = commands(said.out)
    assert {"objective.weight=0.25", "normalisation=mean"} < set(first)
    assert "objective.weight=0.5" in second
    assert "the first 2 were asked for" in said.out


def test_a_command_is_broken_between_its_words() -> None:
    words = ["betafront", "train", "model.hidden=[8, 8]", "x=" + "1" * 50, "seed=3"]
    lines = broken(words, 40)
    assert lines[0] == "betafront train 'model.hidden=[8, 8]' \\"
    assert shlex.split(" ".join(line.removesuffix("\\") for line in lines)) == words
    assert all(len(line) <= 40 for line in lines if "111" not in line)


def test_a_searched_number_of_draws_is_refused_where_its_branch_cannot_be(
    betafront: Command,
) -> None:
    searched = ("objective.draws=1,5", "likelihood=gaussian", *SMALL)
    said = betafront("sweep", "--dry-run", *searched)
    assert said.code == 2
    assert "objective.draws=5 weighs its draws by p(x|z), and likelihood.mode=optimal" in said.err
    assert "(found at objective.draws=5)" in said.err
