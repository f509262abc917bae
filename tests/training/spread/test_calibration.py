"""The scale of a trained model, set to the error on validation; both numbers kept."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from betafront.data import Images
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.models import mlp
from betafront.objective import Gaussian, Laplace, Likelihood
from betafront.training import Run, fit_one
from betafront.training.spread.calibration import set_to_error

MakeRun = Callable[..., Run]

ASKED: dict[str, Callable[[], Likelihood]] = {
    "optimal": partial(Gaussian, calibrate=True),
    "learned": partial(Gaussian, mode="learned", calibrate=True),
    "laplace": partial(Laplace, calibrate=True),
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_no_other_scale_is_better_on_the_examples_it_was_set_on(
    small_digits: Images, name: str
) -> None:
    torch.manual_seed(0)
    model = mlp((1, 8, 8), ASKED[name](), latents=2, hidden=(8,))
    x = small_digits.examples("val")
    before, now = set_to_error(model, x)
    assert before == 1
    assert model.likelihood.scale == now
    least = evaluate(model, x).values["distortion"]
    spread = model.likelihood.spread
    best = spread.state_dict()
    for factor in (0.97, 1.03):
        spread.set(torch.tensor((now * factor) ** spread.power))
        # N/2 · 2 · 0.03² nats of a Gaussian, a quarter of that of a Laplace, to second order.
        assert evaluate(model, x).values["distortion"] > least + 0.01
        spread.load_state_dict(best)


@pytest.mark.parametrize("name", sorted(ASKED))
def test_a_run_keeps_both_scales_and_what_they_are_worth(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    make = ASKED[name]
    plain = fit_one(
        make_run(likelihood=partial(make.func, **make.keywords | {"calibrate": False})),  # type: ignore[attr-defined]
        tmp_path / "plain",
    )
    result = fit_one(make_run(likelihood=make), tmp_path / "calibrated")
    kept = result.settings
    for split in ("val", "test"):
        as_trained = kept[f"calibration/{split}/negative_elbo_as_trained"]
        assert as_trained == plain.metrics[f"{split}/negative_elbo"]
        assert result.metrics[f"{split}/rate"] == plain.metrics[f"{split}/rate"]
    assert result.metrics["val/distortion"] < plain.metrics["val/distortion"]
    assert not any("calibration" in key for key in plain.settings)
    if name != "laplace":
        assert kept["calibration/scale_as_trained"] == plain.scale.sigma
        assert kept["calibration/scale"] == result.scale.sigma
        # The errors that the evaluation and the calibration measured are of the same draws.
        error = result.metrics["val/mse"] ** 0.5
        assert result.scale.sigma == pytest.approx(error, rel=1e-3)  # the floor's e^-12
    weights = load_file(tmp_path / "calibrated" / "model.safetensors")
    model = make_run(likelihood=make).vae()
    model.load_state_dict(weights)
    assert model.likelihood.scale == kept["calibration/scale"]


def test_a_scale_that_is_fixed_cannot_be_calibrated() -> None:
    with pytest.raises(UserError, match=r"likelihood\.calibrate=true .* likelihood\.mode=fixed"):
        Gaussian(mode="fixed", calibrate=True)
