"""A run of a family: its β, its record, and the curve with which it ends."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.training.conftest import MakeRun

from betafront.config.build import build, check
from betafront.config.compose import compose
from betafront.errors import UserError
from betafront.models import mlp, multirate
from betafront.objective import GECO, FreeBits, Gaussian
from betafront.scale import normalisation
from betafront.training import Attempt, Result, Trainer, fit, fit_one
from betafront.training.failure import Halted
from betafront.training.history import VAL_RANGE

FAMILY = partial(
    multirate, of=partial(mlp, latents=2, hidden=(16,)), low=0.1, high=10.0, points=3
)  # whose middle is 1, the weight of the run


def run(make_run: MakeRun, **changed: Any) -> Any:
    return make_run(**({"architecture": FAMILY, "steps": 30} | changed))


@pytest.fixture(scope="module")
def result(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return fit_one(run(make_run), tmp_path_factory.mktemp("family"))


def test_the_curve_has_the_run_itself_among_its_points(result: Result) -> None:
    assert [point["beta"] for point in result.curve] == pytest.approx([0.1, 1.0, 10.0])
    middle = result.curve[1]
    for name, value in result.metrics.items():
        assert middle["metrics"][name] == pytest.approx(value, rel=1e-4, abs=1e-4)
    assert middle["sigma"] == pytest.approx(result.scale.sigma)
    assert middle["weight"] == pytest.approx(result.scale.weight)
    assert result.scale.beta == pytest.approx(1.0)
    assert Result.load(Path(result.folder)).curve == result.curve


def test_it_is_judged_by_its_loss_over_the_range(result: Result) -> None:
    judged = [row[VAL_RANGE] for row in result.history]
    best = min(range(len(judged)), key=judged.__getitem__)
    assert result.standing is not None
    assert result.standing.step == result.history[best]["step"]
    assert "the mean of D + βR over the range of β" in result.standing.reason


def test_weights_are_in_the_convention_of_the_run(make_run: MakeRun, tmp_path: Path) -> None:
    mean = normalisation("mean")
    found = fit_one(run(make_run, normalisation=mean, weight=1 / 32), tmp_path)
    assert [p["weight"] * 32 for p in found.curve] == pytest.approx([0.1, 1.0, 10.0])


def test_a_family_that_was_stopped_ends_with_the_bits_of_the_run(
    make_run: MakeRun, result: Result, tmp_path: Path
) -> None:
    (stopped,) = fit([Attempt(run(make_run), tmp_path, halt=lambda: True)])
    assert isinstance(stopped.error, Halted)  # type: ignore[union-attr]
    assert fit_one(run(make_run), tmp_path).curve == result.curve


def test_the_average_of_the_weights_is_a_family_too(make_run: MakeRun, tmp_path: Path) -> None:
    trainer = Trainer(steps=30, batch_size=32, accelerator="cpu", ema=0.9)
    found = fit_one(run(make_run, trainer=trainer), tmp_path)
    middle = found.curve[1]["metrics"]["val/distortion"]
    assert middle == pytest.approx(found.metrics["val/distortion"], rel=1e-4)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"weight": 20.0}, r"objective.weight=20: β = 20 is outside the range 0\.1 to 10"),
        ({"controller": GECO(1.0)}, "leave controller at none"),
        ({"shaping": FreeBits(1.0)}, "leave shaping at plain"),
        ({"draws": 5}, "leave objective.draws at 1"),
    ],
)
def test_what_has_no_meaning_for_a_family_is_refused(
    make_run: MakeRun, tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        fit_one(run(make_run, likelihood=partial(Gaussian, mode="fixed"), **changed), tmp_path)


def test_every_part_of_a_family_is_a_choice() -> None:
    overrides = ["model=multirate", "model@model.of=conv", "model.of.latents=3", "model.high=20"]
    made = build(compose([*overrides, "data.limit=100", "trainer.accelerator=cpu"]))
    check(made)
    assert made.vae().latents == 3
    with pytest.raises(UserError, match="outside the range"):
        check(build(compose([*overrides, "objective.weight=21"])))
