"""A user's table and a user's Dataset, in a folder of their own: trained, swept, exported, used."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import betafront as product

MINE = """
import torch
from torch.utils.data import Dataset


class Spectra(Dataset):
    def __init__(self, n=60, named=False):
        self.n, self.named = n, named

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        x = torch.sin(torch.arange(8) * (1 + i % 5) / 9)
        return {"x": x, "kind": i % 5} if self.named else (x, i % 5)
"""
QUICK = (
    "model=mlp", "model.hidden=[8]", "model.latents=2", "likelihood=gaussian", "trainer.steps=20",
    "trainer.accelerator=cpu", "metrics.samples=1",
)  # fmt: skip


def cells() -> pd.DataFrame:
    random = np.random.default_rng(0)
    size = 1e4 + 1e3 * random.normal(size=60)
    return pd.DataFrame(
        {"id": range(60), "size": size, "mass": size / 7 + 1, "kind": np.resize(["b", "a"], 60)}
    )


@pytest.fixture
def mine(own_place: Path) -> Iterator[Path]:
    """A module of the user's beside where the command is called."""
    (own_place / "mine.py").write_text(MINE)
    yield own_place
    sys.modules.pop("mine", None)


def test_a_table_goes_all_the_way(swept: Callable[..., Any], betafront: Callable[..., Any]) -> None:
    said = swept(
        "study.name=cells", "data=table", "data.path=cells.csv", "data.label=kind",
        "data.exclude=[id]", "objective.weight=0.1,1", "study.sampler=grid",
        "study.budget.trials=2", "study.workers=1", "hydra/launcher=basic", "tracking=off", *QUICK,
        files={"cells.csv": cells().to_csv(index=False)},
    )  # fmt: skip
    assert said.code == 0, said.err
    told = " ".join(said.out.split())
    assert re.search(r"D is in the table's own units: \+1\d\.\d+ nats per example", told)
    exported = betafront("export", "cells", "--at", "trial=0", "--to", "out")
    assert exported.code == 0, exported.err
    model = product.load("out")
    assert model.about["data"]["columns"] == ["size", "mass"]
    result = json.loads(Path("runs/cells/trial-0000/result.json").read_text())
    assert model.about["log_volume"] == result["data"]["log_scale"]
    rows = cells()
    made = model.reconstruct(rows)  # the columns by their names, in the table's own units
    assert made.equal(model.reconstruct(rows[["size", "mass"]].to_numpy()))
    assert (made[:, 0] - rows["size"].mean()).abs().max() < 3e4
    assert made[:, 0].mean() > 5e3
    assert model.sample(3, seed=0).shape == (3, 2)


def test_a_run_of_a_measured_table_says_both_distortions(betafront: Callable[..., Any]) -> None:
    said = betafront("train", "data=table", "data.set=wine", "hydra.run.dir=run", *QUICK)
    assert said.code == 0, said.err
    result = json.loads(Path("run/result.json").read_text())
    less = result["metrics"]["val/distortion"] - result["data"]["log_scale"]
    (line,) = re.findall(r"^ +in standardised units .*", said.out, re.MULTILINE)
    assert f"{less:.4g}" in line
    what = (
        "data=table data.set=wine model=mlp 'model.hidden=[8]' model.latents=2 likelihood=gaussian"
    )
    assert f"betafront sweep study=weighting {what}\n" in said.out  # of the same data


def test_a_dataset_of_the_users_is_streamed(betafront: Callable[..., Any], mine: Path) -> None:
    said = betafront(
        "train", "data=dataset", "data.dataset={_target_: mine.Spectra, n: 80}",
        "data.in_memory=false", "hydra.run.dir=run", *QUICK,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "64 training examples are streamed" in " ".join(said.out.split())
    data = json.loads((mine / "run/result.json").read_text())["data"]
    assert (data["shape"], data["train"], data["val"]) == ([8], 64, 8)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("data=dataset", "data.dataset={_target_: mine.Spectra, named: true}"),
            "gives dictionaries of x, kind: say which one is the example, data.field=x",
        ),
        (("data=table", "data.path=cells.csv"), "has no numbers in column kind (as 'b' in kind)"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_trained(
    betafront: Callable[..., Any], mine: Path, words: tuple[str, ...], says: str
) -> None:
    cells().to_csv("cells.csv", index=False)
    said = betafront("train", *words, "hydra.run.dir=run", *QUICK)
    assert said.code == 2
    (line,) = said.err.strip().splitlines()
    assert says in line
    assert not (mine / "run/result.json").exists()
