"""Sparse counts go all the way: from a file to a sweep over their likelihoods, its tables and page,
a comparison, and out again as a model."""

import json
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import betafront as product
from betafront.cli import main
from betafront.data import counts

N = 12
OF_ALL = (
    "data=counts", "data.path=cells.npz", "model=mlp", "model.hidden=[8]", "model.latents=2",
    "trainer.steps=20", "optimizer.lr=0.01", "hydra/launcher=basic", "tracking=off",
    "study.sampler=grid",
)  # fmt: skip
STUDIES = {
    "free": ("likelihood=poisson,negative_binomial", "objective.weight=0.3,1"),
    "given": ("likelihood=multinomial", "objective.weight=1,2"),
    "scaled": ("likelihood=poisson", "likelihood.total=row", "objective.weight=1,2"),
}


def factors(n: int = 200) -> np.ndarray:
    """(n, N) Poissons whose log rates two factors move, with totals of many sizes."""
    rng = np.random.default_rng(0)
    log_rates = rng.normal(size=(n, 2)) @ rng.normal(size=(2, N)) / 2 + 0.5
    return rng.poisson(np.exp(log_rates + rng.normal(size=(n, 1)) / 2))


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a user with counts, who has swept them three ways."""
    place = tmp_path_factory.mktemp("counts")
    with pytest.MonkeyPatch.context() as patch, chdir(place):
        patch.setenv("BETAFRONT_RUNS", str(place / "runs"))
        sparse.save_npz("cells.npz", sparse.csr_matrix(factors()))
        for name, words in STUDIES.items():
            trials = f"study.budget.trials={4 if name == 'free' else 1}"
            with pytest.raises(SystemExit) as ended:
                main(["sweep", f"study.name={name}", *OF_ALL, *words, trials])
            assert not ended.value.code
    yield place


@pytest.fixture(autouse=True)
def there(swept: Path, own_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(swept)
    monkeypatch.setenv("BETAFRONT_RUNS", str(swept / "runs"))


def result_of(trial: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((trial / "result.json").read_text())
    return found


def test_the_run_is_of_the_counts_and_n_is_their_columns(swept: Path) -> None:
    result = result_of(swept / "runs/free/trial-0000")
    assert result["data"]["digest"] == counts("counts", "cells.npz").digest
    assert (result["scale"]["pixels"], result["data"]["shape"]) == (N, [N])
    assert not [name for name in result["metrics"] if "ssim" in name or "psnr" in name]
    metrics = result["metrics"]
    assert metrics["val/distortion"] > 0  # of a mass
    nats = metrics["val/bits_per_dim"] * N * np.log(2)
    assert nats == pytest.approx(metrics["val/negative_elbo"])


def test_likelihoods_of_counts_are_on_one_scale(betafront: Callable[..., Any], swept: Path) -> None:
    table = pd.read_csv(swept / "runs/free/report/front.csv")
    assert set(table["likelihood"]) == {"poisson", "negative_binomial"}
    assert (table["val/distortion"] > 0).all()
    said = betafront("report", "free")
    assert said.code == 0, said.err
    page = (swept / "runs/free/report/front.html").read_text()
    assert f"N = {N} data dimensions, M = 2 latents" in page
    for text in (said.out, page):
        assert "PSNR" not in text


def test_studies_compare_where_they_are_of_the_same_mass(betafront: Callable[..., Any]) -> None:
    assert betafront("compare", "given", "scaled").code == 0
    said = betafront("compare", "free", "given")
    assert said.code == 2
    assert "val/distortion of other things: of counts and of counts for a given total" in said.err


MIXED = {
    "likelihood=poisson,multinomial": "likelihoods other than multinomial compare as they are",
    "likelihood.total=row,null": "likelihood.total is searched, and val/distortion for a given",
}


@pytest.mark.parametrize("words", MIXED)
def test_other_masses_are_not_searched_together(betafront: Callable[..., Any], words: str) -> None:
    likelihood = () if words.startswith("likelihood=") else ("likelihood=poisson",)
    said = betafront("sweep", "study.name=mixed", *OF_ALL, *likelihood, words)
    assert said.code == 2
    assert MIXED[words] in said.err


def test_an_exported_model_gives_the_mean_total(betafront: Callable[..., Any], swept: Path) -> None:
    said = betafront("export", "scaled", "--at", "trial=0", "--to", "out")
    assert said.code == 0, said.err
    model, train = product.load("out"), counts("counts", "cells.npz").examples("train")
    made = model.reconstruct(factors())
    assert made.shape == (200, N)
    # the mean of the batches of 20 steps, which are not whole epochs
    torch.testing.assert_close(made.sum(1), train.sum(1).mean().expand(200), rtol=0.1, atol=0)


def test_grey_values_are_no_counts(betafront: Callable[..., Any]) -> None:
    said = betafront("train", "likelihood=poisson")
    assert said.code == 2
    (line,) = said.err.strip().splitlines()
    assert "likelihood=poisson is for counts" in line
