"""A point of the front as a folder, and what it is without its study."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient

import betafront as product
from betafront.data import digits
from betafront.errors import UserError
from betafront.metrics import evaluate

STUDY = ("study.name=one", "objective.weight=0.1,1,10", "study.sampler=grid",
         "study.budget.trials=3")  # fmt: skip

# The script of the export comes first, where nothing is imported yet that it may need.
FRESH = """
import json, runpy, sys
runpy.run_path(f"{sys.argv[1]}/load.py", run_name="__main__")
assert "pytorch_lightning" not in sys.modules
import torch
import betafront
from betafront.data import digits
from betafront.metrics import evaluate
model = betafront.load(sys.argv[1])
x = digits("digits", val=0.2, test=0.2, split_seed=0, limit=200).test
found = evaluate(model.vae, x, seed=model.about["seed"]).values
assert torch.equal(model.prepare(x), x)
print(json.dumps({"found": found, "kept": model.about["metrics"]}))
"""


@pytest.fixture
def study(swept, own_place: Path, fast: tuple[str, ...]) -> Path:
    """The folder of a study of three trials."""
    assert swept(*STUDY, *fast).code == 0
    return own_place / "runs/one"


def test_a_fresh_process_gets_the_stored_numbers(betafront, study: Path, own_place: Path) -> None:
    said = betafront("export", "one", "--at", "trial=1", "--to", "mine")
    assert said.code == 0, said.err
    assert "betafront.load(" in said.out
    (study / "trial-0001/model.safetensors").unlink()
    out = subprocess.run(
        [sys.executable, "-c", FRESH, "mine"], capture_output=True, text=True, check=True
    )
    values = json.loads(out.stdout.splitlines()[-1])
    for name in ("distortion", "rate"):
        assert values["found"][name] == pytest.approx(values["kept"][f"test/{name}"], abs=1e-5)


def test_new_images_go_through_what_the_old_ones_did(betafront, study: Path) -> None:
    assert betafront("export", "one").code == 0
    model = product.load(study / "export/elbo")
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    assert model.encode(images).shape == (5, 8)
    assert model.reconstruct(images).shape == (5, 1, 8, 8)
    assert model.sample(3, seed=1).equal(model.sample(3, seed=1))
    levels = model.prepare(images) * 16
    assert levels.allclose(levels.round(), atol=1e-5)
    with pytest.raises(UserError, match="is for images of"):
        model.encode(np.zeros((2, 9, 9), np.uint8))


def test_a_file_is_no_folder_to_export_to(betafront, study: Path, own_place: Path) -> None:
    (own_place / "taken").touch()
    said = betafront("export", "one", "--at", "trial=1", "--to", "taken")
    assert said.code == 2
    assert said.err == (
        "betafront: --to taken is a file: name a folder, which is made if it is not there\n"
    )
    said = betafront("export", "one", "--at", "trial=1", "--to", "taken/below")
    assert said.code == 2
    assert said.err == (
        "betafront: taken/below cannot be written: name another folder with --to FOLDER\n"
    )


RECONSTRUCT = """
import sys
import numpy as np
import betafront
model = betafront.load(sys.argv[1])
np.save(sys.argv[2], model.reconstruct(np.load("images.npy")).numpy())
"""


def test_a_registered_model_is_loaded_by_its_alias(betafront, study: Path, own_place: Path) -> None:
    said = betafront("export", "one", "--at", "trial=1", "--register", "digits")
    assert said.code == 0, said.err
    assert "betafront.load('models:/digits@trial-1')" in " ".join(said.out.split())
    said = betafront("export", "one", "--register", "digits")  # of the best ELBO
    assert "models:/digits@elbo-best" in said.out
    assert betafront("export", "one", "--register", "digits").code == 0
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    trials = {int(json.loads((folder / "about.json").read_text())["trial"])
              for folder in (study / "export").iterdir()}  # fmt: skip
    assert len(client.search_model_versions("name = 'digits'")) == len(trials)
    shutil.rmtree(study / "export/elbo")
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    np.save("images.npy", images)
    command = [sys.executable, "-c", RECONSTRUCT, "models:/digits@trial-1", "out.npy"]
    subprocess.run(command, check=True)
    here = product.load(study / "export/trial-1").reconstruct(images)
    assert np.array_equal(np.load("out.npy"), here.numpy())
    assert (product.load("models:/digits/1").reconstruct(images) == here).all()


NOT_THERE = {
    "no alias": ("models:/digits@nothing", "models:/digits@nothing cannot be fetched from MLflow"),
    "no address": ("models:/digits", "write models:/NAME@ALIAS or models:/NAME/VERSION"),
}


@pytest.mark.parametrize("name", sorted(NOT_THERE))
def test_an_address_that_leads_nowhere_is_one_line(own_place: Path, name: str) -> None:
    address, expected = NOT_THERE[name]
    (own_place / "runs").mkdir()
    MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db").search_experiments()
    with pytest.raises(UserError, match=expected):
        product.load(address)


def test_without_a_record_there_is_nothing_to_fetch(own_place: Path) -> None:
    with pytest.raises(UserError, match="no record of MLflow in"):
        product.load("models:/digits@knee")


def test_a_server_that_is_away_is_one_line(
    betafront, own_place: Path, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    small = [word for word in fast if word != "tracking=off"]
    server = "tracking.uri=http://127.0.0.1:9"
    words = ("objective.weight=1,2", "study.name=away", "study.budget.trials=1", server, *small)
    assert betafront("sweep", *words).code == 0
    said = betafront("export", "away", "--register", "digits")
    assert said.code == 2
    assert "MLflow at http://127.0.0.1:9 does not answer" in said.err


def test_programs_stand_beside_the_weights_where_they_are_asked_for(betafront, study: Path) -> None:
    assert betafront("export", "one", "--torch-export").code == 0
    folder = study / "export/elbo"
    x = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, _ = torch.export.load(folder / "encoder.pt2").module()(x)
    torch.testing.assert_close(
        torch.export.load(folder / "decoder.pt2").module()(mean),
        product.load(folder).vae.reconstruct(x),
    )
    # Another model in the same folder is not left beside the programs of this one.
    assert betafront("export", "one", "--at", "trial=0", "--to", str(folder)).code == 0
    assert not list(folder.glob("*.pt2"))


WRONG = {
    "no name to register": (("--register", "a/b"), "--register a/b: a model's name"),
    "no such point": (("--at", "kne"), "no point 'kne' to export: there is elbo"),
    "no such trial": (("--at", "trial=9"), "no finished trial 9"),
    "no number": (("--at", "trial=x"), "no finished trial x"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_one_line(betafront, study: Path, name: str) -> None:
    words, expected = WRONG[name]
    said = betafront("export", "one", *words)
    assert said.code == 2
    assert expected in said.err


def test_a_missing_model_or_folder_is_named(betafront, study: Path) -> None:
    (study / "trial-0001/model.safetensors").unlink()
    said = betafront("export", "one", "--at", "trial=1")
    assert said.code == 2
    assert "trial-0001/model.safetensors is missing" in said.err
    with pytest.raises(UserError, match="holds no exported model"):
        product.load(study)


FAMILY = ("study.name=one", "model=multirate", "model.points=3", "study.budget.trials=1")


def test_a_member_of_a_family_is_an_ordinary_model(
    betafront, swept, own_place: Path, fast: tuple[str, ...]
) -> None:
    quick = [word.replace("model.hidden", "model.of.hidden") for word in fast]
    assert swept(*FAMILY, *quick).code == 0
    said = betafront("export", "one", "--at", "beta=0.3", "--to", "mine")
    assert said.code == 0, said.err
    config = (own_place / "mine/config.yaml").read_text()
    assert "betafront.models.mlp" in config and "multirate" not in config
    (kept,) = json.loads((own_place / "runs/one/trial-0000/result.json").read_text())["curve"][1:2]
    mine = product.load("mine")
    assert mine.about["scale"]["beta"] == pytest.approx(0.3)
    x = digits("digits", val=0.2, test=0.2, split_seed=0, limit=200).test
    found = evaluate(mine.vae, x, seed=mine.about["seed"]).values
    for name in ("distortion", "rate"):  # of a β between two points, evaluated afresh
        assert found[name] == pytest.approx(mine.about["metrics"][f"test/{name}"], abs=1e-4)
    study = product.study("one")
    point = study.model(f"beta={kept['beta']}")
    assert point.about["metrics"] == kept["metrics"]
    assert type(point.vae).__name__ == "VAE" and point.sample(2, seed=0).shape == (2, 1, 8, 8)
    own = study.model(0).about
    assert own["scale"]["beta"] == 1.0 and own["metrics"] == study.results().table.loc[
        study.results().table["as_written"], list(own["metrics"])
    ].iloc[0].to_dict()  # fmt: skip
    with pytest.raises(UserError, match=r"β = 99 is outside the range"):
        study.model("beta=99")
