"""`trainer.start_from`: a run begins with the weights of a trained one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from betafront.config.begun import build_to_train
from betafront.config.build import check
from betafront.config.compose import compose
from betafront.config.saved import save
from betafront.errors import UserError
from betafront.training import fit_one
from betafront.training.result import Result
from betafront.training.state import RunState

Command = Callable[..., Any]
SMALL = ("data=digits", "data.limit=200", "trainer.accelerator=cpu")
PLAIN = (*SMALL, "model.hidden=[8]", "model.latents=3")
FAMILY = (
    *SMALL, "model=multirate", "model.of.hidden=[8]", "model.of.latents=3", "model.low=0.1",
    "model.high=10", "model.points=3",
)  # fmt: skip


def trained(folder: Path, *words: str) -> Result:
    config = compose([*words, "trainer.steps=30"])
    save(config, folder)
    return fit_one(build_to_train(config), folder)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family") / "run"
    trained(folder, *FAMILY)
    return folder


def begun(start: Path, *words: str) -> RunState:
    run = build_to_train(compose([*PLAIN, *words, f"trainer.start_from={start}"]))
    check(run)
    return RunState(run, torch.device("cpu"))


def test_of_a_family_it_has_the_weights_at_its_beta(family: Path) -> None:
    run = build_to_train(compose([*PLAIN, "objective.weight=0.7", f"trainer.start_from={family}"]))
    assert run.start is not None
    for words, beta in ((("objective.weight=0.7",), 0.7), (("normalisation=mean",), 64 / 3 * 0.3)):
        weight = () if beta == 0.7 else ("objective.weight=0.3",)
        weights = begun(family, *words, *weight).vae.state_dict()
        expected = run.start(beta)
        assert weights.keys() == expected.keys()
        assert all(torch.allclose(weights[key], expected[key]) for key in weights)
    low, high = run.start(0.7), run.start(5.0)
    assert not all(torch.equal(low[key], high[key]) for key in low)


def test_of_another_run_it_has_the_weights(tmp_path: Path) -> None:
    trained(tmp_path, *PLAIN)
    state = begun(tmp_path, "objective.weight=3", "trainer.ema=0.9")
    assert state.average is not None
    expected = build_to_train(compose([*PLAIN, f"trainer.start_from={tmp_path}"]))
    assert expected.start is not None
    for of in (state.vae, state.average.model):
        weights = of.state_dict()
        assert all(torch.equal(weights[k], v) for k, v in expected.start(None).items())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("objective.weight=30",), "outside the range 0.1 to 10"),
        (("model.latents=4",), "weights of another model"),
        (("likelihood=bernoulli", "data.binarize=0.5"), "weights of another model"),
        (("controller=geco", "controller.target=5"), "leave controller at none"),
        (("trainer.start_from=nowhere",), "no finished run in that folder"),
    ],
)
def test_what_it_cannot_begin_with_is_refused(
    family: Path, words: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        check(build_to_train(compose([*PLAIN, f"trainer.start_from={family}", *words])))
    assert "\n" not in str(caught.value)


def test_train_and_sweep_begin_with_it(betafront: Command, own_place: Path, family: Path) -> None:
    start = f"trainer.start_from={family}"
    words = (*PLAIN, "trainer.steps=2", "trainer.keep=last", "optimizer.lr=1e-9")
    said = betafront("train", *words, start, "hydra.run.dir=one", "objective.weight=1")
    assert said.code == 0, said.err
    curve = {round(point["beta"], 6): point["metrics"] for point in Result.load(family).curve}
    kept = Result.load(own_place / "one").metrics
    for key in ("val/distortion", "val/rate"):  # σ is measured anew
        assert kept[key] == pytest.approx(curve[1.0][key], abs=0.5)
    swept = betafront(
        "sweep", *words, start, "objective.weight=1,4", "study.name=s", "study.workers=1",
        "hydra/launcher=basic", "tracking=off", "study.budget.trials=1", "study.sampler=grid",
    )  # fmt: skip
    assert swept.code == 0, swept.err
    trial = Result.load(own_place / "runs/s/trial-0000").metrics
    assert trial["val/distortion"] == pytest.approx(kept["val/distortion"], abs=0.5)
