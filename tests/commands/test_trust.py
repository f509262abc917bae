"""A folder that somebody else has written runs no code, whichever command reads it; the user's own
model stays as easy to use as any."""

import json
import pickle
import runpy
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.support.shared import Said

import betafront as product
from betafront.config.trust import TRUST
from betafront.errors import UserError
from betafront.study.lookup import find_store
from betafront.study.spec import SPEC
from betafront.study.stored.command import stored_command
from betafront.study.stored.known import remember
from betafront.training.lightning.checkpoint import read

Command = Callable[..., Said]
MODEL = "tests.support.models.learned_prior"
FILES = {"conf/model/mine.yaml": f"_target_: {MODEL}\n_partial_: true\nlatents: 3\n"}
SWEEP = (
    "study.name=own", "model=mine", "objective.weight=0.5,2", "study.sampler=grid",
    "study.budget.trials=2", "trainer.steps=12", "data.limit=200", "hydra/launcher=basic",
    "tracking=off",
)  # fmt: skip
SHELL = "numpy.testing._private.utils.runstring"
READERS = {
    "export": ("export", "own", "--at", "trial=0"),
    "evaluate": ("evaluate", "own", "+metrics.further={iwae: {draws: [1]}}"),
    "train again": ("train", "--trial", "0", "--study", "own"),
}


@pytest.fixture
def study(swept: Callable[..., Said], own_place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a study of a model of the user's own."""
    monkeypatch.delenv(TRUST, raising=False)
    said = swept(*SWEEP, files=FILES)
    assert said.code == 0, said.err
    return own_place / "runs/own"


@pytest.fixture
def elsewhere(study: Path, own_place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody who has got those runs from somebody else."""
    place = own_place / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def have_run(config: Path, part: str, command: str) -> None:
    """Have a saved configuration run Python where it is made."""
    written = yaml.safe_load(config.read_text())
    written[part]["evil"] = {"_target_": SHELL, "astr": command, "dict": {}}
    config.write_text(yaml.safe_dump(written))


def set_command(words: list[str]) -> None:
    """Have the stored command of the study be another."""
    store, _ = find_store("own")
    store.set(SPEC, store.settings()[SPEC] | {"command": words})


def test_ones_own_model_needs_no_further_word_where_its_conf_is(
    betafront: Command, study: Path, own_place: Path
) -> None:
    for words in READERS.values():
        said = betafront(*words)
        assert said.code == 0, said.err
    said = betafront("export", "own", "--at", "trial=1")
    assert f"betafront.load('{study}/export/trial-1', trust='tests')" in "".join(
        said.out.split("\n")
    )
    exported = study / "export/trial-1"
    assert (
        "betafront.load(Path(__file__).parent, trust='tests')" in (exported / "load.py").read_text()
    )
    assert type(product.load(exported, trust="tests").vae).__name__ == "LearnedPrior"
    assert type(product.load(exported, trust=[MODEL]).vae).__name__ == "LearnedPrior"
    with pytest.raises(UserError, match=r"names tests\.support.*load\(…, trust='tests'\)"):
        product.load(exported)


@pytest.mark.parametrize("name", sorted(READERS))
def test_elsewhere_it_is_named_as_trusted(betafront: Command, elsewhere: Path, name: str) -> None:
    said = betafront(*READERS[name])
    assert said.code == 2
    assert f"trial-0000/config.yaml names {MODEL}: that is not of betafront" in said.err
    assert said.err.rstrip().endswith("unless you trust it: --trust tests")
    said = betafront(*READERS[name], "--trust", "tests")
    assert said.code == 0, said.err


def test_a_setting_trusts_for_every_command(
    betafront: Command, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRUST, MODEL)
    assert betafront(*READERS["export"]).code == 0
    assert product.load(elsewhere.parent / "runs/own/export/trial-0").sample(2).shape == (
        2,
        1,
        8,
        8,
    )


@pytest.mark.parametrize("part", ["model", "likelihood", "data", "optimizer", "metrics"])
@pytest.mark.parametrize("name", sorted(READERS))
def test_a_foreign_configuration_runs_nothing(
    betafront: Command, study: Path, own_place: Path, name: str, part: str
) -> None:
    have_run(study / "trial-0000/config.yaml", part, "open('stolen', 'w')")
    if (name, part) == ("evaluate", "metrics"):
        return  # they are the command's own
    said = betafront(*READERS[name])
    assert said.code == 2
    assert f"names {SHELL}" in said.err
    assert f"--trust {SHELL}" in said.err
    assert not list(own_place.rglob("stolen"))


def test_nor_does_a_foreign_model(betafront: Command, study: Path, own_place: Path) -> None:
    assert betafront(*READERS["export"], "--register", "mine").code == 0
    assert product.load("models:/mine@trial-0", trust="tests").sample(1).shape == (1, 1, 8, 8)
    registered = next((own_place / "runs/mlartifacts").rglob("model/trial-0/config.yaml"))
    for config in (study / "export/trial-0/config.yaml", registered):
        have_run(config, "model", "open('stolen', 'w')")
    for address in (study / "export/trial-0", "models:/mine@trial-0"):
        with pytest.raises(UserError, match=rf"names {SHELL}.*trust='{SHELL}'"):
            product.load(address, trust="tests")
    assert not list(own_place.rglob("stolen"))


def test_a_foreign_configuration_reads_no_environment(
    study: Path, betafront: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "sesame")
    config = study / "trial-0000/config.yaml"
    config.write_text(config.read_text().replace("name: digits", "name: ${oc.env:SECRET}"))
    said = betafront(*READERS["export"])
    assert said.code == 2
    assert "config.yaml has ${…} in it" in said.err
    assert "sesame" not in said.out + said.err


def test_a_configuration_of_python_objects_is_damaged(betafront: Command, study: Path) -> None:
    config = study / "trial-0000/config.yaml"
    config.write_text(config.read_text() + "x: !!python/object/apply:os.system ['touch stolen']\n")
    said = betafront(*READERS["export"])
    assert said.code == 2
    assert "config.yaml is damaged (could not determine a constructor" in said.err
    assert not Path("stolen").exists()


class Steals:
    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("stolen", "w")


def test_a_checkpoint_is_read_without_running_what_is_pickled(own_place: Path) -> None:
    torch.save({"step": 3, "tensors": Steals()}, own_place / "checkpoint.ckpt")
    assert read(own_place / "checkpoint.ckpt") is None
    (own_place / "checkpoint.ckpt").write_bytes(pickle.dumps(Steals()))
    assert read(own_place / "checkpoint.ckpt") is None
    assert not (own_place / "stolen").exists()


YAML = {
    "of a library": (SHELL, f"{SHELL} is of an installed library", f"--trust {SHELL}"),
    "of Python": ("os.system", "os.system is in Python's standard library", ""),
    "of ours": ("betafront.files.write_whole", "none of the parts that a configuration makes", ""),
}


@pytest.mark.parametrize("name", sorted(YAML))
def test_a_choice_that_somebody_has_sent_runs_no_library(
    betafront: Command, own_place: Path, name: str
) -> None:
    target, says, way = YAML[name]
    (own_place / "conf/model").mkdir(parents=True)
    (own_place / "conf/model/sent.yaml").write_text(
        f"_target_: {target}\nastr: open('stolen', 'w')\ndict: {{}}\n"
    )
    for words in (("train", "model=sent"), ("sweep", "model=sent", "objective.weight=1,2")):
        said = betafront(*words, "data.limit=100", "hydra/launcher=basic", "tracking=off")
        assert said.code == 2
        assert says in said.err
        assert way in said.err
    assert not list(own_place.rglob("stolen"))


def test_what_is_trusted_of_a_library_is_made_in_every_worker(
    betafront: Command, own_place: Path, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    library, conf = own_place / "site-packages", own_place / "conf/optimizer"
    for folder in (library, conf):
        folder.mkdir(parents=True)
    (library / "lionlib.py").write_text("from torch.optim import Adam\nclass Lion(Adam): pass\n")
    (conf / "lion.yaml").write_text("_target_: lionlib.Lion\n_partial_: true\nlr: 0.001\n")
    monkeypatch.syspath_prepend(library)
    words = ("optimizer=lion", *fast)
    sweep = ("sweep", "objective.weight=1,2", "study.budget.trials=1", *words)
    for command in (("train", *words), sweep):
        said = betafront(*command)
        assert said.code == 2
        assert "_target_: lionlib.Lion is of an installed library" in said.err
        assert "--trust lionlib.Lion (or BETAFRONT_TRUST=…)" in said.err
    for command in (("train", "--trust", "lionlib", *words), (*words, "--trust=lionlib.Lion")):
        shutil.rmtree(own_place / "runs/train", ignore_errors=True)
        said = betafront(*command)
        assert said.code == 0, said.err
    said = betafront(*sweep, "--trust", "lionlib.Lion")
    assert said.code == 0, said.err


DB = "sqlite:////tmp/s.db"
FOUND = f"storage.url={DB}"
SWEPT = ["model=mine", "objective.weight=0.5,2", "hydra/launcher=basic"]
DESCRIBES = [
    "data.path=../data.npy", "study.name=s-${data.name}", "model=mlp,conv",
    "data={_target_: betafront.data.tensor, path: ../x.npy, name: '${study.name}'}",
    "optimizer={lr: 1, _target_: torch.optim.SGD}", "penalty=[total_correlation,mmd]",
    "model._target_=betafront.models.mlp", "+study.space.model='choice(mlp,conv)'",
    "model._target_='betafront.models.mlp'",
]  # fmt: skip
STORED: Mapping[str, tuple[str, str]] = {
    "a target": (f"model._target_={SHELL}", f"names {SHELL}"),
    "a target in a mapping": (f"model={{_target_: {SHELL}}}", f"names {SHELL}"),
    "a target that is looked up": ("model._target_=${data.name}", "says model._target_=${data"),
    "the user's own code": ("model._target_=tests.support.slow.slowly", "--trust tests"),
    "a callback": ("+hydra.callbacks.x._target_=a.b", "says +hydra.callbacks"),
    "a plugin": ("hydra.sweeper._target_=a.b", "says hydra.sweeper"),
    "a folder of configurations": ("hydra.searchpath=[file:///tmp]", "says hydra.searchpath"),
    "lines of a batch script": ("hydra.launcher.setup=[touch stolen]", "says hydra.launcher.setup"),
    "a line break": ("hydra.launcher.account=a\ntouch stolen", "says hydra.launcher.account"),
    "the environment": ("data.name=${oc.env:SECRET}", "says data.name="),
    "the environment, looked up": ("data.name=${${a.b}:SECRET}", "says data.name="),
    "an option": ("--config-dir=/tmp", "says --config-dir"),
    "another folder": ("hydra.sweep.dir=/tmp/x", "says hydra.sweep.dir"),
    "a choice of another folder": ("suggestions=../../archive/x", "says suggestions=../../archive"),
    "one by the parts of its name": ("suggestions=.${x}./archive/x", "says suggestions=.${x}."),
    "one of several": ("model={a: 1},../../archive/x", "says model={a: 1},../../archive"),
    "one that is searched": ("study.space.model='choice(mlp,../../x)'", "says study.space.model"),
    "a choice for Hydra": ("+model@hydra.callbacks.x=mlp", "says +model@hydra.callbacks"),
    "targets to search": ("model._target_=betafront.models.mlp,own.f", "says model._target_=beta"),
    "a target that goes on": ("model._target_=betafront.models.m${x}", "says model._target_=beta"),
}


@pytest.mark.parametrize("name", sorted(STORED))
def test_a_stored_command_is_given_again_as_far_as_it_describes_runs(
    name: str, own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word, says = STORED[name]
    assert stored_command(SWEPT, "s", [], DB) == [*SWEPT, FOUND]
    with pytest.raises(UserError) as refused:
        stored_command([*SWEPT, word], "s", [], DB)
    assert says in str(refused.value)
    assert stored_command([*SWEPT, word], "s", [word], DB) == [*SWEPT, word, FOUND]


@pytest.mark.parametrize("word", DESCRIBES)
def test_what_describes_runs_is_given_again(word: str, own_place: Path) -> None:
    assert stored_command([word], "s", [], DB) == [word, FOUND]


# Words of a stored command that say where something goes, and whether a line says that one of them
# is left out.
LEFT_OUT = {
    "runs=../runs": True,
    "runs=runs": False,  # as every command has it
    "+runs=/tmp/x": True,
    "storage=sqlite": False,
    "storage=postgres": True,
    "storage.url=postgresql://somebody/studies": True,
    "storage={url: 'sqlite:////tmp/x.db'}": True,
    "storage.url='sqlite:////tmp/s.db'": False,
    "tracking.uri=http://somebody:5000": True,
    "tracking.uri=sqlite:////tmp/mlflow.db": True,
    "tracking={_target_: betafront.data.digits, uri: 'http://somebody:5000'}": True,
    "tracking.uri=${data.name}": True,
    "loggers.csv.save_dir=/tmp/x": True,
    "loggers={csv: {save_dir: /tmp/x}}": True,
}


@pytest.mark.parametrize("word", sorted(LEFT_OUT))
def test_where_a_stored_command_would_write_or_send_is_left_out(
    word: str, own_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stored_command([*SWEPT, word], "s", [], DB) == [*SWEPT, FOUND]
    said = capsys.readouterr().err
    assert (f"as the storage has it: {word}. " in said) == LEFT_OUT[word]
    assert len(said.splitlines()) == LEFT_OUT[word]
    own = [] if word.startswith("storage") else [FOUND]
    assert stored_command([*SWEPT, word], "s", [word], DB) == [*SWEPT, word, *own]


def test_a_place_that_this_user_has_named_stays(
    own_place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    remember("elsewhere/runs", "http://mine:5000/")
    remember("runs", f"sqlite:///{own_place}/runs/mlflow.db")
    assert (own_place / "state/betafront/places").read_text().splitlines() == [
        f"runs={own_place}/elsewhere/runs", "tracking.uri=http://mine:5000",
    ]  # fmt: skip
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@two:5000")
    words = [
        f"runs={own_place}/elsewhere/runs", "tracking.uri=http://mine:5000",
        "tracking.uri=http://two:5000", "tracking.uri=$MLFLOW_TRACKING_URI", "tracking=server",
    ]  # fmt: skip
    assert stored_command(words, "s", [], "$BETAFRONT_STORAGE") == [
        *words, "storage.url=$BETAFRONT_STORAGE",
    ]  # fmt: skip
    assert not capsys.readouterr().err


def test_a_foreign_study_is_told_to_no_server_of_others(
    betafront: Command, study: Path, own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = find_store("own")
    kept = {"_target_": "betafront.tracking.MLflowTracker", "uri": "http://127.0.0.1:9"}
    store.set(SPEC, store.settings()[SPEC] | {"tracking": kept})
    said = betafront("sync", "own")
    assert said.code == 0, said.err
    assert "2 trials written to MLflow" in said.out
    assert (own_place / "runs/mlflow.db").is_file()
    assert "has its record at http://127.0.0.1:9, which none of your sweeps has named" in said.err
    assert "export MLFLOW_TRACKING_URI=http://127.0.0.1:9" in said.err
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    said = betafront("sync", "own")
    assert "MLflow at http://127.0.0.1:9 does not answer" in said.err


def test_a_worker_writes_where_its_user_has_the_runs(
    betafront: Command, study: Path, own_place: Path
) -> None:
    words = [word for word in SWEEP if word != "study.budget.trials=2"]
    set_command(
        [*words, "study.budget.trials=2", f"runs={own_place}/far", "storage.url=sqlite:///x"]
    )
    said = betafront("worker", "own")
    assert said.code == 0, said.err
    assert "2 of 2 trials are finished" in said.out
    assert (
        f"Left out of the command of own, as the storage has it: runs={own_place}/far" in said.err
    )
    assert (study / "workers/2").is_dir()
    assert not (own_place / "far").exists()
    assert not (own_place / "x").exists()


def test_a_worker_that_joins_runs_what_its_user_trusts(
    betafront: Command, study: Path, elsewhere: Path, own_place: Path
) -> None:
    set_command([*SWEEP, f"+model.evil={{_target_: {SHELL}, astr: 1}}"])
    said = betafront("worker", "own")
    assert said.code == 2
    assert f"the command of own, as the storage has it, names {SHELL}" in said.err
    set_command([*SWEEP[:1], f"model._target_={MODEL}", "~model.hidden", *SWEEP[2:]])
    assert "unless you trust it: --trust tests" in betafront("worker", "own").err
    said = betafront("worker", "own", "--trust", "tests")
    assert "exists with other settings" in said.err  # it was composed, and compared


def test_what_only_reads_shows_a_foreign_study_and_makes_nothing_of_it(
    betafront: Command, study: Path, own_place: Path
) -> None:
    for config in study.rglob("config.yaml"):
        have_run(config, "model", "open('stolen', 'w')")
    by = ("--by", "objective.weight")
    for command, *more in (("status",), ("report",), ("compare", *by), ("sync",)):
        said = betafront(command, "own", *more)
        assert said.code == 0, said.err
    assert not list(own_place.rglob("stolen"))


def test_the_script_of_an_export_reads_ones_own_model(betafront: Command, study: Path) -> None:
    assert betafront(*READERS["export"]).code == 0
    exported = study / "export/trial-0"
    model = runpy.run_path(str(exported / "load.py"))["model"]
    assert type(model.vae).__name__ == "LearnedPrior"
    assert json.loads((exported / "about.json").read_text())["study"] == "own"


def test_a_foreign_storage_names_no_folder_outside(
    betafront: Command, study: Path, own_place: Path
) -> None:
    with closing(sqlite3.connect(own_place / "runs/studies.db")) as database, database:
        database.execute("UPDATE studies SET study_name = '../elsewhere'")
    said = betafront("report", "../elsewhere")
    assert (said.code, (own_place / "elsewhere").exists()) == (2, False)
    assert "would have its files outside of the runs folder" in said.err
    with closing(sqlite3.connect(own_place / "runs/studies.db")) as database, database:
        database.execute("UPDATE studies SET study_name = 'own'")
        database.execute(
            "UPDATE trial_user_attributes SET value_json = "
            "replace(value_json, '\"trial-0000\"', '\"../../other/trial-0000\"')"
        )
    said = betafront("evaluate", *READERS["evaluate"][1:])
    assert "values of 1 trial of own" in said.out  # that of the other folder is no trial of ours
    assert json.loads(betafront("status", "own", "--json").out)["others"]["foreign"] == 1
