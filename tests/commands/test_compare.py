"""`betafront compare`, and the decisions of what is compared, on real studies, made once."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import FAST
from tests.support.shared import SharedFolders

from betafront.cli import main

GRID = ("study.sampler=grid", "study.budget.trials=6")
WEIGHTS = ("objective.weight=0.1,1,10", *GRID)
ONE = (*WEIGHTS[:1], "study.sampler=grid", "study.budget.trials=1")
WITHIN = ("study.reference=[100,100]",)  # all trials, though they are as good as untrained
STUDIES = {
    "both": (*WITHIN, *WEIGHTS, "normalisation=sum,mean"),
    "other": (*WITHIN, "objective.weight=0.2,2,20", "study.sampler=grid", "study.budget.trials=3"),
    "twice": (*WITHIN, *WEIGHTS, "normalisation=sum,mean", "study.replicates=3"),
    "split": (*ONE, "data.limit=150"),
    "mass": (*ONE, "likelihood=discretized_logistic"),
    "objectives": (*ONE, "study.objectives=[val/rate,val/mse]"),
    "conditional": ("study=conditional",),
    "failed": ("objective.weight=1,2", "optimizer.lr=1e30", "study.budget.trials=1"),
}  # fmt: skip
CONDITIONAL = """# @package _global_
study:
  name: conditional
  space:
    objective.weight: choice(1, 2)
    schedule: choice(constant, linear)
    schedule=linear:
      schedule.warmup: choice(0.2, 0.5)
  enqueue:
    - {objective.weight: 1, schedule: constant}
    - {objective.weight: 2, schedule: constant}
    - {objective.weight: 1, schedule: linear, schedule.warmup: 0.2}
  budget: {trials: 3}
"""
Compare = Callable[..., Any]


@pytest.fixture(scope="module")
def made(shared_folders: SharedFolders) -> Path:
    """The runs folder of STUDIES."""

    def make(place: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            patch.setenv("BETAFRONT_RUNS", str(place / "runs"))
            (place / "studies/conditional").mkdir(parents=True)
            (place / "studies/conditional/study.yaml").write_text(CONDITIONAL)
            for name, words in STUDIES.items():
                fast = [word for word in FAST if word.partition("=")[0] not in " ".join(words)]
                try:
                    main(["sweep", f"study.name={name}", *fast, *words])
                except SystemExit as stop:
                    assert (stop.code in (0, None)) is (name != "failed"), name

    return shared_folders.get("compared", make) / "runs"


@pytest.fixture
def compare(
    betafront: Callable[..., Any], made: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Compare]:
    monkeypatch.setenv("BETAFRONT_RUNS", str(made))
    return lambda *words: betafront("compare", *words)


def test_two_studies(compare: Compare) -> None:
    said = compare("both", "other")
    assert said.code == 0, said.err
    assert "All trials" in said.out  # nine are few enough
    assert max(map(len, said.out.splitlines())) <= 100
    (finding,) = [line for line in said.out.splitlines() if "more hypervolume than" in line]
    assert "both" in finding
    assert "other" in finding
    assert "With one run a trial it is not known what of this is chance" in said.out
    assert "The groups have 3 to 6 trials" in said.out
    rows = [line.split() for line in said.out.splitlines() if line.startswith(("both ", "other "))]
    trials = {(row[0], row[1]) for row in rows if row[-1] != "IGD+" and row[1].isdigit()}
    assert {("both", "5"), ("other", "2")} <= trials


def test_the_front_is_marked_as_programs_have_it(compare: Compare, tmp_path: Path) -> None:
    table = tmp_path / "deep" / "all.csv"
    said = compare("both", "other", "--csv", str(table), "--png", str(tmp_path / "new" / "two.png"))
    assert said.code == 0, said.err
    assert str(table) in said.out
    assert (tmp_path / "new" / "two.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(table.open()))
    assert [row["group"] for row in rows] == ["both"] * 6 + ["other"] * 3
    on_front = sum(row["on_front"] == "True" for row in rows)
    assert sum(line.endswith(" front") for line in map(str.rstrip, said.out.splitlines())) == (
        on_front
    )
    answer = json.loads(compare("both", "other", "--json").out)
    assert sum(group["on_joint_front"] for group in answer["groups"]) == on_front


def test_groups_within_a_study_as_json(compare: Compare) -> None:
    said = compare("both", "--by", "normalisation", "--json")
    answer = json.loads(said.out)
    assert set(answer) == {"objectives", "reference", "groups", "pairs"}
    assert list(answer["objectives"]) == ["val/rate", "val/distortion"]
    assert len(answer["reference"]) == 2
    first, second = answer["groups"]
    assert {first["name"], second["name"]} == {"sum", "mean"}
    assert first["hypervolume"] >= second["hypervolume"]
    assert set(first) == {
        "name", "trials", "front", "hypervolume", "interval", "spread", "gap", "on_joint_front",
        "lost_without", "off_their_line",
    }  # fmt: skip
    assert (first["trials"], first["interval"]) == (3, None)
    assert 0 <= first["off_their_line"] <= 3
    assert {(p["one"], p["other"]) for p in answer["pairs"]} == {("sum", "mean"), ("mean", "sum")}
    assert set(answer["pairs"][0]) == {"one", "other", "epsilon", "igd_plus", "covered", "p"}
    assert answer["pairs"][0]["p"] is None


def test_replicates_say_what_is_chance(compare: Compare) -> None:
    answer = json.loads(compare("twice", "--by", "normalisation", "--json").out)
    for group in answer["groups"]:
        low, high = group["interval"]
        assert low <= high
    # Of 3 and 3 values there are 20 ways, so p is a multiple of 0.05.
    assert all(abs(20 * pair["p"] - round(20 * pair["p"])) < 1e-9 for pair in answer["pairs"])
    said = compare("twice", "--by", "normalisation")
    assert "(p = " in said.out
    assert "With one run a trial" not in said.out


def test_groups_of_several_studies_have_both_names(compare: Compare) -> None:
    answer = json.loads(compare("both", "twice", "--by", "normalisation", "--json").out)
    names = {group["name"] for group in answer["groups"]}
    assert names == {"both sum", "both mean", "twice sum", "twice mean"}


def test_trials_that_lack_a_parameter_are_a_group_too(compare: Compare) -> None:
    answer = json.loads(compare("conditional", "--by", "schedule.warmup", "--json").out)
    groups = {group["name"]: group["trials"] for group in answer["groups"]}
    assert groups == {"without warmup": 2, "warmup=0.2": 1}


@pytest.mark.parametrize("name", ["both", "twice"])
def test_runs_of_twelve_steps_decide_nothing(
    compare: Compare, betafront: Callable[..., Any], name: str
) -> None:
    answer = json.loads(betafront("status", name, "--json").out)
    assert (answer["decision"], answer["points"]) == (None, [])
    assert "of the trials that matter (best ELBO" in answer["refused"]
    assert "still falling" in answer["refused"]
    command = answer["refused"].partition("Train longer: ")[2]
    assert f"study.name={name}-longer study.import_from={name}" in command
    assert "trainer.steps=12 " not in command
    shown = " ".join(betafront("status", name).out.split())
    assert " ".join(answer["refused"].split()) in shown
    assert "Decision" not in shown


WRONG = {
    "unknown": (("bothh", "other"), "did you mean 'both'?"),
    "split": (("both", "split"), "have other data, or another split of it"),
    "units": (("both", "mass"), "have other likelihoods, and val/distortion of a density"),
    "objectives": (("both", "objectives"), "have other objectives"),
    "empty": (("both", "failed"), "no trial of failed has finished"),
    "misspelt": (("both", "--by", "normalization"), "does not search normalization: did you mean "
                 "'normalisation'?"),
    "a metric": (("both", "--by", "val/rate"), "does not search val/rate"),
    "one group": (("both",), "there is only one group"),
    "one value": (("other", "--by", "normalisation"), "other does not search normalisation"),
    "twice": (("both", "both"), "both is named twice"),
    "many": (("both", "other", "twice", "--by", "objective.weight"), "can be told apart"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_does_not_compare_is_one_line(compare: Compare, name: str) -> None:
    words, expected = WRONG[name]
    said = compare(*words)
    assert said.code == 2
    (line,) = said.err.strip().splitlines()
    assert expected in line
    assert said.out == ""
