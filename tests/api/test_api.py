"""What `import betafront` offers: instant, the same as the command line, one line for a mistake."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import FAST
from torch.utils.data import Dataset

import betafront as bf
from betafront.data import InMemory, in_memory
from betafront.models import VAE, mlp
from betafront.objective import Likelihood

SMALL = {"model": {"hidden": [8]}, "trainer": {"steps": 12, "accelerator": "cpu"}, "quiet": True}
SWEEP = ("study.name=s", "study.budget.trials=4", "study.workers=1", *FAST)
SPACE = ("objective.weight=tag(log,interval(0.01,10))", "normalisation=sum,mean")


def test_importing_it_imports_nothing_else() -> None:
    heavy = "[m for m in ('torch', 'hydra', 'pandas', 'rich') if m in sys.modules]"
    code = f"import sys, betafront; print({heavy})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_every_name_is_there() -> None:
    for name in bf.__all__:
        assert callable(getattr(bf, name)), name
    assert {"train", "sweep", "study", "compare", "load", "audit", "weights"} <= set(dir(bf))


def test_the_command_and_the_function_train_the_same_bits(betafront: Callable[..., Any]) -> None:
    words = (
        "objective.weight=2",
        "model.hidden=[8]",
        "trainer.steps=12",
        "trainer.accelerator=cpu",
    )
    assert betafront("train", *words, "hydra.run.dir=run").code == 0
    said = json.loads(Path("run/result.json").read_text())
    run = bf.train(objective={"weight": 2}, **SMALL)
    assert run.metrics == said["metrics"]
    assert run.folder.parent.name == "train"
    assert "canonical" in run._repr_html_()


def small_vae(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    return mlp(shape, likelihood, latents=2, hidden=[8])


def vectors() -> InMemory:
    return in_memory("vectors", torch.randn(200, 5, generator=torch.Generator().manual_seed(0)))


def test_objects_are_parts_of_a_run() -> None:
    def unnamed(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
        return small_vae(shape, likelihood)

    run = bf.train(model=unnamed, data=vectors(), trainer=SMALL["trainer"], quiet=True)
    assert run.result.data["name"] == "vectors"
    assert run.model.encode(np.zeros((3, 5))).shape == (3, 2)
    assert not (run.folder / "config.yaml").exists()
    with pytest.raises(bf.UserError, match="is made already"):
        bf.train(model=small_vae((5,), run.model.vae.likelihood), data=vectors())


class Rows(Dataset[torch.Tensor]):
    """A data set of torch's."""

    def __init__(self, n: int = 120) -> None:
        self.x = torch.randn(n, 5, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self.x[place]


def test_a_data_set_of_torchs_is_data_by_its_name_or_as_it_is() -> None:
    by_name, as_it_is = (bf.train(data=rows, **SMALL) for rows in (partial(Rows, n=120), Rows()))
    assert by_name.metrics == as_it_is.metrics
    assert by_name.result.data["name"] == as_it_is.result.data["name"] == "Rows"
    assert (by_name.folder / "config.yaml").exists()
    assert not (as_it_is.folder / "config.yaml").exists()


def test_a_mistake_is_one_line() -> None:
    for call in (
        lambda: bf.train("dta=digits"),
        lambda: bf.train(dta="digits"),
        lambda: bf.study("nowhere"),
        lambda: bf.evaluate("nowhere", metrics="latent"),
        lambda: bf.confirm("nowhere"),
        lambda: bf.confirm(workers=0),
        lambda: bf.sweep("nothing"),
        lambda: bf.sweep(data="digits"),
        lambda: bf.sweep(model=lambda shape, likelihood: None, space={"objective.weight": (1, 2)}),
        lambda: bf.weights(0.1, latents=3),
        lambda: bf.load("nowhere"),
        lambda: bf.audit("nowhere:loss"),
    ):
        with pytest.raises(bf.UserError) as raised:
            call()
        assert "\n" not in str(raised.value)


def test_a_study_is_what_the_command_prints(
    swept: Callable[..., Any], betafront: Callable[..., Any]
) -> None:
    assert swept(*SWEEP, *SPACE).code == 0
    study = bf.study("s")
    said = json.loads(betafront("status", "s", "--json").out)
    assert list(study.front["trial"]) == said["front"]
    assert study.decision.record == {k: said[k] for k in study.decision.record}
    assert study.counts["complete"] == said["complete"] == len(study.trials) == 4
    page = study.report("page.html")
    assert page.read_text().startswith("<!doctype html>")
    shown = study._repr_html_()
    assert "data:image/png;base64" in shown
    assert "Front of s" in shown
    assert len(study.plot().data) >= 2
    both = json.loads(betafront("compare", "s", "--by", "normalisation", "--json").out)
    compared = bf.compare(study, by="normalisation")
    assert compared.record == both
    assert "data:image/png;base64" in compared._repr_html_()


def test_a_model_of_a_study_is_the_one_that_is_exported(swept: Callable[..., Any]) -> None:
    assert swept(*SWEEP, *SPACE).code == 0
    study = bf.study("s")
    model = study.model(3)
    exported = bf.load(study.export(at=3, to="exported"))
    assert exported.about == model.about
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    assert model.decode(z).equal(exported.decode(z))
    assert "study s, trial 3" in exported._repr_html_()
    assert repr(exported).startswith("Trained(study s, trial 3, β = ")
    with pytest.raises(bf.UserError, match="no finished trial 99"):
        study.model(99)
