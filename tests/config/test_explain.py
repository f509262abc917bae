"""What is wrong with a configuration, as the command line says it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


def refusal(betafront: Command, *words: str) -> str:
    said = betafront(*words)
    assert said.code == 2, said.err
    (line,) = said.err.strip().splitlines()
    assert line.startswith("betafront: ")
    assert "unexpected" not in line
    return line


@pytest.fixture
def files(own_place: Path) -> None:
    """What users call their data."""
    np.save(own_place / "images.npy", np.zeros((20, 4, 6), np.uint8))
    (own_place / "data/pngs").mkdir(parents=True)
    (own_place / "data/pngs/1.png").touch()
    (own_place / "faces.zip").touch()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("data=data/pngs",), "is no set but a folder: write data=folder data.path=data/pngs"),
        (("data=images.npy",), "is no set but a file: write data=tensor data.path=images.npy"),
        (("data=./images.npy",), "write data=tensor data.path=./images.npy"),
        (("data=cells.csv",), "is no set but a file: write data=table data.path=cells.csv"),
        (("data=faces.zip",), "is no set but a file: write data=tensor data.path=faces.zip"),
        (("images.npy",), "a file of arrays is named by data=tensor data.path=images.npy"),
        (("data=~/images.npy",), "write 'data=\"~/images.npy\"'"),
        (('data="~/images.npy"',), "write data=tensor 'data.path=\"~/images.npy\"'"),
        (("data=MNIST",), "there is no data=MNIST: did you mean 'mnist'?"),
        (("data=imagenet",), "known: celeba, cifar10, "),
        (("data=imagenet",), "your own images are data=folder data.path=FOLDER of pictures"),
        (("data.path=images.npy",), "'data.path' here: it is a setting of data=celeba and"),
        (("data=tensor",), "data.path has no default: give data.path=…"),
        (("data=tensor", "data.path=data/pngs"), "a folder of 1 pictures: data=folder data.path="),
        (("data=tensor", "data.path=image.npy"), "did you mean 'images.npy'?"),
        (("data=tensor", "data.path=[images.npy]"), "data.path is the path of one file, not ["),
        (("data=tensor", "data.path=null"), "data.path is the path of one file, not None"),
        (("data=null",), "data=null is no choice of data: choose one of celeba, cifar10, "),
        (("data=3",), "data=3 is no choice of data: choose one of celeba, cifar10, "),
        (("data=mnist,digits",), "data=mnist,digits is a search, and one run has one value"),
        (("+data=mnist",), "data"),
    ],
)  # fmt: skip
def test_data_that_is_named_wrongly(
    betafront: Command, files: None, words: tuple[str, ...], says: str
) -> None:
    assert says in refusal(betafront, "train", *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("schedule=null",), "schedule=null is no choice of schedule: choose one of constant, "),
        (("penalty=null",), "or leave it out"),
        (("tracking=null",), "choose one of mlflow, off, server, or leave it out"),
        (
            ("model=0.5",),
            "model=0.5 is no choice of model: choose one of conv, conv1d, hierarchical, ladder",
        ),
        (("~schedule",), "schedule has to hold settings, and is null: choose one of constant, "),
        (("objective=null",), "objective has to hold settings, and is null: leave it out"),
        (("schedule.warmup=0.5",), "it is a setting of schedule=cosine and schedule=linear"),
        (("objective.weight=interval(1,2)",), "is a search, and one run has one value"),
        (("+objective.weight=1",), "objective.weight is there already: leave out the +"),
        (("model.hidden=8",), "model: one of its values is of the wrong type"),
        (("model.latents=abc",), "model.latents is the number M of latents, or a list"),
        (("optimizer.lr=abc",), "optimizer: "),
    ],
)
def test_groups_and_keys_that_are_given_wrongly(
    betafront: Command, words: tuple[str, ...], says: str
) -> None:
    assert says in refusal(betafront, "train", *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("study.objectives=val/rate",), "two or three metrics, not 1 (val/rate)"),
        (("study.objectives=null",), "not 0 (none)"),
        (("study.reference=3",), "study.reference=[100,100], not 3"),
        (("study.reference=[a,b]",), "study.reference is a list of one number per objective"),
        (('study.constraints="objective.weight < 3 <"',), "cannot read the constraint 'objective"),
        (("~tracking",), "tracking has to hold settings, and is null"),
        (("study.budget=null",), "study.budget.trials must be a whole number of at least 1"),
        (("study.space=3",), "study.space has a search for each parameter, and is 3"),
        (("study.sampler=[a]",), "study.sampler"),
        (("study.budget=20",), "study.budget.trials must be a whole number of at least 1"),
        (("study.budget.steps=0",), "study.budget.steps must be a whole number of at least 1"),
        (("study.stack=0",), "study.stack must be a whole number of at least 1, not 0"),
    ],
)
def test_studies_whose_settings_are_of_another_kind(
    betafront: Command, words: tuple[str, ...], says: str
) -> None:
    assert says in refusal(betafront, "sweep", "objective.weight=interval(1,2)", *words)


def test_a_configuration_of_the_users_own_that_cannot_be_read(
    betafront: Command, own_place: Path
) -> None:
    file = own_place / "conf/model/mine.yaml"
    file.parent.mkdir(parents=True)
    for text, says in {
        "_target_: a.b\n  c: : d\n": "mine.yaml, line 2 is no YAML: mapping values",
        "- a\n- b\n": "mine",
    }.items():
        file.write_text(text)
        assert says in refusal(betafront, "train", "model=mine")
    study = own_place / "studies/mine/study.yaml"
    study.parent.mkdir(parents=True)
    study.write_text("study:\n  name: [a\n")
    assert "studies/mine/study.yaml, line " in refusal(betafront, "sweep", "study=mine")


def test_the_configuration_is_shown(betafront: Command) -> None:
    said = betafront("--cfg", "job")
    assert said.code == 0, said.err
    assert "\nobjective:\n  weight: 1.0\n" in said.out
