"""Vectors of five numbers, named by the user's own `conf/`, go all the way: through a sweep, its
tables, pages and record, and out again as a model."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from tests.support.vectors import vectors

import betafront as product
from betafront.cli import main
from betafront.errors import UserError
from betafront.metrics import evaluate

CONF = "_target_: tests.support.vectors.vectors\nname: vectors\nn: 400\nlimit: null\n"
WEIGHTS = (0.05, 0.3, 1.0)
SWEEP = (
    "sweep", "study.name=columns", "data=vectors", "model=mlp", "model.hidden=[16]",
    "model.latents=3", "likelihood=gaussian", f"objective.weight={','.join(map(str, WEIGHTS))}",
    "study.sampler=grid", "study.budget.trials=3", "trainer.steps=200", "optimizer.lr=0.01",
    "hydra/launcher=basic",
)  # fmt: skip
PAGES = {
    "training.png",
    "latent_map.png",
    "latent_history.png",
}  # of any run; those of images are not there


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a user with a table, who has swept it once."""
    place = tmp_path_factory.mktemp("vectors")
    (place / "conf/data").mkdir(parents=True)
    (place / "conf/data/vectors.yaml").write_text(CONF)
    with pytest.MonkeyPatch.context() as patch, chdir(place):
        patch.setenv("BETAFRONT_RUNS", str(place / "runs"))
        with pytest.raises(SystemExit) as ended:
            main(list(SWEEP))
    assert not ended.value.code
    yield place


@pytest.fixture(autouse=True)
def there(swept: Path, own_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(swept)
    monkeypatch.setenv("BETAFRONT_RUNS", str(swept / "runs"))


@pytest.fixture
def study(swept: Path) -> Path:
    return swept / "runs/columns"


def result_of(trial: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((trial / "result.json").read_text())
    return found


@pytest.mark.parametrize("number", range(len(WEIGHTS)))
def test_a_run_has_everything_but_pictures_of_images(study: Path, number: int) -> None:
    trial = study / f"trial-{number:04d}"
    result = result_of(trial)
    data = vectors()
    sizes = {"train": 240, "val": 80, "test": 80}
    assert result["data"] == {"name": "vectors", "digest": data.digest, "shape": [5], **sizes}
    assert (result["scale"]["pixels"], result["scale"]["latents"]) == (5, 3)
    assert result["metrics"]["val/mse"] > 0
    assert not [name for name in result["metrics"] if "ssim" in name or "psnr" in name]
    assert {path.name for path in (trial / "pictures").iterdir()} <= PAGES


def test_a_smaller_weight_buys_less_distortion(study: Path) -> None:
    metrics = [result_of(study / f"trial-{number:04d}")["metrics"] for number in range(3)]
    rates = [found["val/rate"] for found in metrics]
    assert rates == sorted(rates, reverse=True)
    assert [found["val/mse"] for found in metrics] == sorted(found["val/mse"] for found in metrics)


def test_status_and_the_table_have_all_trials(betafront: Callable[..., Any], study: Path) -> None:
    said = betafront("status", "columns", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["complete"] == 3
    table = pd.read_csv(study / "report/front.csv")
    assert len(table) == 3
    assert set(table["pixels"]) == {5}
    assert (table["val/mse"] > 0).all()


def test_the_page_shows_training_and_no_pictures(
    betafront: Callable[..., Any], study: Path
) -> None:
    said = betafront("report", "columns")
    assert said.code == 0, said.err
    page = (study / "report/front.html").read_text()
    assert "N = 5 data dimensions, M = 3 latents" in page
    assert "Along the front" not in page
    assert "data:image/webp" not in page


def test_mlflow_has_the_metrics_and_no_pictures(swept: Path) -> None:
    client = MlflowClient(f"sqlite:///{swept}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("columns")
    assert experiment is not None
    trials = client.search_runs([experiment.experiment_id], "tags.role = 'trial'")
    assert len(trials) == 3
    for run in trials:
        assert {"val/distortion", "val/rate", "val/mse"} <= set(run.data.metrics)
        assert not [name for name in run.data.metrics if "ssim" in name or "psnr" in name]
        pictures = client.list_artifacts(run.info.run_id, "pictures")
        assert {Path(file.path).name for file in pictures} <= PAGES
        (data,) = run.inputs.dataset_inputs
        assert json.loads(data.dataset.profile)["shape"] == [5]


def test_an_exported_model_gives_what_the_run_stored(
    betafront: Callable[..., Any], study: Path
) -> None:
    said = betafront("export", "columns", "--at", "trial=0", "--to", "out")
    assert said.code == 0, said.err
    model = product.load("out")
    data, stored = vectors(), result_of(study / "trial-0000")["metrics"]
    x = data.test.double().numpy()  # as a table has them
    assert torch.equal(model.prepare(x), data.test)
    assert model.encode(x).shape == (80, 3)
    assert torch.equal(model.decode(model.encode(x)), model.reconstruct(x))
    assert model.sample(4, seed=1).shape == (4, 5)
    assert torch.equal(model.sample(4, seed=1), model.sample(4, seed=1))
    found = evaluate(model.vae, model.prepare(x), seed=model.about["seed"]).values
    assert {f"test/{name}": value for name, value in found.items()} == {
        name: value for name, value in stored.items() if name.startswith("test/")
    }
    at_the_mean = float(((model.reconstruct(x) - data.test) ** 2).mean())
    assert 0 < at_the_mean < stored["test/mse"]  # which is a mean over draws of z


def test_an_exported_model_refuses_what_it_is_not_for(
    betafront: Callable[..., Any], study: Path
) -> None:
    assert betafront("export", "columns", "--at", "trial=1", "--to", "other").code == 0
    model = product.load("other")
    for wrong in (np.zeros((2, 4)), np.zeros((2, 5, 1)), np.full((2, 5), np.nan)):
        with pytest.raises(UserError, match=r"shape|NaN"):
            model.encode(wrong)


def test_a_single_run_of_the_linear_model(betafront: Callable[..., Any], swept: Path) -> None:
    said = betafront("train", "data=vectors", "model=linear", "model.latents=2", "trainer.steps=50")
    assert said.code == 0, said.err
    assert "mse (per data dimension)" in said.out


REFUSED = {
    "an image model": (["model=conv"], r"model=conv is for images, .* has the shape \(5,\)"),
    "likeness": (["+metrics.further.likeness={}"], "PSNR and SSIM are for images"),
    "grey levels": (["likelihood=categorical"], "likelihood=categorical is for discrete images"),
    "the unit interval": (["likelihood=bernoulli"], r"for data in \[0, 1\], but the data runs"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_for_images_is_refused_in_one_line(
    betafront: Callable[..., Any], name: str
) -> None:
    words, expected = REFUSED[name]
    said = betafront("train", "data=vectors", *words, "hydra.run.dir=refused")
    assert said.code == 2
    (line,) = said.err.strip().splitlines()
    assert re.search(expected, line)
