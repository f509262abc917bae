"""A run with every likelihood, prior, schedule, shaping, controller and penalty, on both data sets
and in both precisions: five epochs without a NaN, and the trace drawn where it is of digits or of
sentences. One of each group is given to `betafront train`; the others are composed and trained
directly, as that does it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from betafront.config.build import build, check
from betafront.config.compose import VERSION_BASE
from betafront.metrics.masses import COUNTS, GIVEN
from betafront.shipped import conf_dir
from betafront.training.fitting import fit_one
from betafront.training.pictures.pages import PAGES, draw_pages

# (data, overrides of the data, steps of five epochs at 64 examples a step)
DATA = {
    "digits": ((), 5 * (1079 // 64)),
    "mnist": (("data.limit=1800", "data.levels=16"), 5 * (1500 // 64)),
}
HOLDS = {
    "capacity": ("shaping=capacity", "objective.weight=20"),
    "free_bits": ("shaping=free_bits", "shaping.group=2"),
    "geco": ("controller=geco", "controller.target=0", "schedule@controller.schedule=linear"),
    "geco_mse": ("controller=geco", "controller.watches=mse", "controller.target=0.02"),
    "controlvae": ("controller=controlvae", "controller.target=8", "controller.decay=0.001"),
    "penalties": ("penalty=[total_correlation,dip,mmd]",),
    "layers": ("shaping=layers", "shaping.weights=[1,0.5]", "model=ladder"),
    "free_bits of layers": ("shaping=free_bits", "shaping.group=layer", "model=hierarchical"),
}
RECIPE = (
    "lr_schedule=warmup_cosine", "trainer.ema=0.9", "trainer.clip_norm=1000",
    "trainer.accumulate=2", "callbacks=[lr_monitor,device_stats]", "loggers=[csv]",
    "objective.draws=3", "likelihood.mode=learned",
)  # fmt: skip


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def suiting(likelihood: str) -> tuple[str, ...]:
    """What a likelihood asks of the data."""
    data = {
        "beta": ("data.dequantize=true",),
        "categorical": ("data.levels=4",),  # a class for each: with 16, minutes in half precision
    }
    if likelihood in ("bernoulli", *COUNTS, *GIVEN):  # black and white, counted
        return f"likelihood={likelihood}", "data.binarize=0.5"
    return (f"likelihood={likelihood}", *data.get(likelihood, ()))


CHOICES = {
    **{f"likelihood {name}": suiting(name) for name in choices("likelihood") if name != "words"},
    "dequantised gaussian": ("likelihood=gaussian", "data.dequantize=true"),
    "dequantised logistic": ("likelihood=discretized_logistic", "data.dequantize=true"),
    "augmented": ("data.augment=[{_target_:torchvision.transforms.v2.RandomRotation,degrees:15}]",),
    "learned laplace": ("likelihood=laplace", "likelihood.mode=learned"),
    **{f"schedule {name}": (f"schedule={name}",) for name in choices("schedule")},
    **{f"prior {name}": (f"prior={name}",) for name in choices("prior") if name != "standard"},
    **HOLDS,
    "recipe": RECIPE,
    "multirate": ("model=multirate", "model.points=3"),
}


def test_every_group_of_the_weighting_is_in_the_list() -> None:
    tried = {word for overrides in CHOICES.values() for word in overrides}
    for group in ("shaping", "controller"):
        plain = yaml.safe_load((conf_dir() / "betafront.yaml").read_text())["defaults"]
        default = next(
            entry[group] for entry in plain if isinstance(entry, dict) and group in entry
        )
        assert {f"{group}={name}" for name in choices(group)} <= tried | {f"{group}={default}"}
    assert set(choices("penalty")) == set(HOLDS["penalties"][0][len("penalty=[") : -1].split(","))


# Each on both data sets and in both precisions, the harder of them on MNIST.
PRECISIONS = {"digits": "32-true", "mnist": "bf16-mixed"}
CASES = [(name, data, PRECISIONS[data]) for name in sorted(CHOICES) for data in sorted(DATA)]
# What is for sentences alone, and what keeps their KL from vanishing.
OF_TEXT = {
    "words": ("model=sentence", "likelihood=words", "model.word_dropout=0.3", "schedule=cyclical"),
    "no inputs": ("model.word_dropout=1", "shaping=free_bits", "trainer.aggressive=2"),
}
TEXT = (
    "data.sentences=800", "data.buckets=false", "optimizer.lr=0.01", "model.embedding=16",
    "model.hidden=24", "model.latents=4",
)  # fmt: skip
CHOICES |= OF_TEXT
DATA["text"] = TEXT, 5 * (640 // 64)
CASES += [(name, "text", "32-true") for name in OF_TEXT]
# Of half precision the products take most of the time on a CPU: fewer units on MNIST.
FEWER_UNITS = {
    "model=mlp": "model.hidden=[64]",
    "model=multirate": "model.of.hidden=[64]",
    "model=ladder": "model.hidden=[64,32]",
    "model=hierarchical": "model.hidden=[64,32]",
}
BY_COMMAND = {
    (name, "digits", "32-true")
    for name in ("likelihood beta", "schedule cyclical", "capacity", "geco", "penalties")
}


def train_directly(folder: Path, overrides: tuple[str, ...]) -> None:
    """What `betafront train` does with these overrides, without what it shows."""
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        run = build(hydra.compose("betafront", list(overrides)))
    check(run)
    run.metric_names()
    folder.mkdir()
    fit_one(run, folder)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "data", "precision"), CASES)
def test_five_epochs_without_a_nan(
    betafront: Callable[..., Any],
    own_place: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    name: str,
    data: str,
    precision: str,
) -> None:
    of_the_data, steps = DATA[data]
    if data == "mnist":
        monkeypatch.setenv("BETAFRONT_DATA_DIR", request.getfixturevalue("mnist_folder"))
        model = next((word for word in CHOICES[name] if word in FEWER_UNITS), "model=mlp")
        of_the_data = (*of_the_data, FEWER_UNITS[model])
    overrides = (
        f"data={data}", *of_the_data, *CHOICES[name], f"trainer.precision={precision}",
        f"trainer.steps={steps}", "trainer.accelerator=cpu", "metrics.samples=1",
    )  # fmt: skip
    if (name, data, precision) in BY_COMMAND:
        said = betafront("train", *overrides, "hydra.run.dir=run")
        assert said.code == 0, said.err
    else:
        train_directly(own_place / "run", overrides)
    result = json.loads((own_place / "run/result.json").read_text())
    assert all(np.isfinite(value) for value in result["metrics"].values())
    with np.load(own_place / "run/trace.npz") as trace:
        assert all(len(trace[column]) == steps for column in trace)
        assert all(np.isfinite(trace[column]).all() for column in trace)
        # Something was learnt: the last epoch describes the images better than the first steps.
        epoch = steps // 5
        assert trace["distortion"][-epoch:].mean() < trace["distortion"][:5].mean()
    if data == "mnist":  # whose pages are in test_mnist.py
        return
    draw_pages(own_place / "run")
    for page in PAGES:
        assert (own_place / "run/pictures" / page).stat().st_size > 10_000
