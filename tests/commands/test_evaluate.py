"""More metrics for a study whose models are trained already."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import betafront as package

STUDY = ("study.name=one", "objective.weight=0.1,1,10", "study.sampler=grid",
         "study.budget.trials=3")  # fmt: skip
LIGHT = ("metrics=latent", "metrics.further.iwae.draws=[1,4]")


@pytest.fixture
def words(fast: tuple[str, ...]) -> tuple[str, ...]:
    """The sweep of `study`, of all digits: the probes need some examples of every label."""
    return (*STUDY, *(word for word in fast if not word.startswith("data.limit")))


@pytest.fixture
def study(swept, own_place: Path, words: tuple[str, ...]) -> Path:
    """The folder of a study of three trials."""
    assert swept(*words).code == 0
    return own_place / "runs/one"


def table(folder: Path) -> tuple[list[str], list[list[str]]]:
    head, *rows = (folder / "report/front.csv").read_text().splitlines()
    return head.split(","), [row.split(",") for row in rows]


def test_values_are_added_and_nothing_else_changes(betafront, study: Path) -> None:
    results = sorted(study.glob("trial-*/result.json"))
    before = [json.loads(path.read_text()) for path in results]
    names, rows = table(study)
    said = betafront("evaluate", "one", *LIGHT)
    assert said.code == 0, said.err
    assert "more values of 3 trials of one." in said.out
    for path, old in zip(results, before, strict=True):
        new = json.loads(path.read_text())
        assert old["metrics"].items() < new["metrics"].items()
        assert new["metrics"]["val/iwae_4"] <= new["metrics"]["val/iwae_1"]
        assert new["settings"]["val/iwae/examples"] == new["data"]["val"]
        assert set(new["costs"]) == {"iwae", "decomposition", "prior_gap", "likeness"}
        assert {k: old[k] for k in ("scale", "history", "seed")} == {
            k: new[k] for k in ("scale", "history", "seed")
        }
    assert betafront("report", "one").code == 0
    more, longer = table(study)
    assert set(names) < set(more)
    for old_row, new_row in zip(rows, longer, strict=True):
        found = dict(zip(more, new_row, strict=True))
        assert all(found[name] == value for name, value in zip(names, old_row, strict=True))
        assert float(found["val/iwae_4"]) > 0


def test_what_is_not_kept_changes_nothing_and_is_what_the_command_prints(
    betafront, study: Path
) -> None:
    before = {path: path.read_bytes() for path in study.glob("trial-*/result.json")}
    found = package.evaluate("one", LIGHT, trial=1, keep=False, quiet=True)
    assert not found.kept
    assert before == {path: path.read_bytes() for path in before}
    assert "val/iwae_4" not in package.study("one").trials
    said = betafront("evaluate", "one", *LIGHT, "--trial", "1", "--to", "values.csv")
    assert repr(found) in said.out
    printed = pd.read_csv("values.csv")
    assert list(printed["val/iwae_4"]) == pytest.approx(list(found.trials["val/iwae_4"]))
    assert set(found.values) < set(printed.columns)
    assert "iwae_4" in found._repr_html_()


def test_a_study_goes_on_as_it_was(betafront, study: Path, words: tuple[str, ...]) -> None:
    assert betafront("evaluate", "one", *LIGHT).code == 0
    said = betafront("sweep", *words)
    assert said.code == 0, said.err
    assert "complete: 3 of 3 trials" in said.out
    assert betafront("train", "--trial", "1", "--study", "one").code == 0


def test_one_trial_and_then_others_by_other_metrics(betafront, study: Path) -> None:
    assert betafront("evaluate", "one", *LIGHT, "--trial", "1").code == 0
    said = betafront("evaluate", "metrics=probes", "~metrics.further.iwae")  # the newest study
    assert said.code == 0, said.err
    assert betafront("report", "one").code == 0
    names, rows = table(study)
    at = names.index("val/iwae_4")
    assert [bool(row[at]) for row in sorted(rows, key=lambda r: int(r[0]))] == [False, True, False]
    assert all(row[names.index("val/linear_probe")] for row in rows)


WRONG = {
    "no metrics": ((), "metrics=latent"),
    "something else": (("metrics=latent", "trainer.steps=3"), "not trainer.steps=3"),
    "what every run has": (("metrics=fast",), "every run has"),
    "a misspelt choice": (("metrics=latnt",), "did you mean 'latent'"),
    "no factors but a label": (("metrics=disentanglement",), "metrics.further"),
    "no such trial": ((*LIGHT, "--trial", "9"), "no finished trial 9"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_one_line(betafront, study: Path, name: str) -> None:
    words, expected = WRONG[name]
    said = betafront("evaluate", "one", *words)
    assert said.code == 2
    (line,) = said.err.strip().splitlines()
    assert expected in line


def test_what_cannot_be_had_is_refused_before_anything_is_measured(betafront, study: Path) -> None:
    (study / "trial-0000" / "model.safetensors").unlink()  # which the first to be measured needs
    said = betafront("evaluate", "one", "metrics=disentanglement")
    assert said.code == 2
    assert "metrics.further" in said.err


@pytest.mark.parametrize("gone", ["config.yaml", "model.safetensors"])
def test_a_run_whose_files_are_gone_is_named(betafront, study: Path, gone: str) -> None:
    (study / "trial-0001" / gone).unlink()
    said = betafront("evaluate", "one", *LIGHT)
    assert said.code == 2
    assert f"trial-0001/{gone} is missing" in said.err


def test_another_model_is_refused(betafront, study: Path) -> None:
    other, own = (study / f"trial-000{n}/model.safetensors" for n in (0, 2))
    own.write_bytes(other.read_bytes())
    said = betafront("evaluate", "one", *LIGHT, "--trial", "2")
    assert said.code == 2
    assert "another model" in said.err


def test_a_third_objective_is_searched_and_stays(betafront, own_place: Path) -> None:
    said = betafront(
        "sweep", "study.name=three", "data=sprites_small", "data.columns=4", "data.rows=4",
        "likelihood=bernoulli", "model.hidden=[8]", "trainer.steps=12", "+metrics.further.mig={}",
        "study.objectives=[val/rate,val/distortion,val/mig]", "objective.weight=0.1,1",
        "study.sampler=grid", "study.budget.trials=2", "hydra/launcher=basic", "tracking=off",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert re.search(r"trial .* MIG", said.out)  # a column of the table of the front
    made = json.loads((own_place / "runs/three/report/study.json").read_text())
    assert made["objectives"]["val/mig"] == "maximize"
    assert made["reference"][2] == 0
    said = betafront("evaluate", "three", "metrics=fast", "+metrics.further.mig={bins: 6}")
    assert said.code == 2
    assert "val/mig is an objective of the study" in said.err
    assert betafront("evaluate", "three", "metrics=fast", "+metrics.further.sap={}").code == 0
    assert betafront("report", "three").code == 0
    names, _ = table(own_place / "runs/three")
    assert {"val/mig", "val/sap"} < set(names)


def test_replicates_are_averaged(betafront, own_place: Path, fast: tuple[str, ...]) -> None:
    words = ("sweep", STUDY[0], "objective.weight=1,2", *STUDY[2:3], "study.budget.trials=2")
    assert betafront(*words, *fast, "study.replicates=2").code == 0
    assert betafront("evaluate", "one", *LIGHT).code == 0
    assert betafront("report", "one").code == 0
    names, rows = table(own_place / "runs/one")
    runs = [own_place / "runs/one/trial-0000" / part for part in ("", "replicate-1")]
    each = [json.loads((r / "result.json").read_text())["metrics"]["val/iwae_4"] for r in runs]
    (row,) = (row for row in rows if row[0] == "0")
    assert float(row[names.index("val/iwae_4")]) == pytest.approx(sum(each) / 2)
    assert float(row[names.index("sd/val/iwae_4")]) > 0
