"""The average of the weights, with which a run is validated, kept and written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from betafront.config.build import check
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.models import VAE, mlp
from betafront.training import Run, RunFolder, Trainer, fit_one
from betafront.training.history import VAL_RATE
from betafront.training.lightning.module import TrainingModule

MakeRun = Callable[..., Run]


def trainer(**changed: Any) -> Trainer:
    return Trainer(**{"steps": 9, "batch_size": 32, "accelerator": "cpu", "ema": 0.5} | changed)


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """The trained weights before the first step, and after each."""
    seen: list[dict[str, torch.Tensor]] = []
    step = TrainingModule.optimizer_step

    def now(module: TrainingModule) -> None:
        named = module.state.vae.named_parameters()
        seen.append({name: tensor.detach().clone() for name, tensor in named})

    def taken(module: TrainingModule, *args: Any, **kwargs: Any) -> None:
        if not seen:
            now(module)
        step(module, *args, **kwargs)
        now(module)

    monkeypatch.setattr(TrainingModule, "optimizer_step", taken)
    return seen


def test_the_model_of_a_run_is_the_average(
    make_run: MakeRun, tmp_path: Path, weights: list[dict[str, torch.Tensor]]
) -> None:
    run = make_run(trainer=trainer())
    result = fit_one(run, tmp_path)
    kept = load_file(RunFolder(tmp_path).model)
    assert len(weights) == 10
    for name, last in weights[-1].items():
        average = weights[0][name]
        for step, after in enumerate(weights[1:]):
            part = min(0.5, (1 + step) / (10 + step))
            average = part * average + (1 - part) * after[name]
        torch.testing.assert_close(kept[name], average, rtol=1e-5, atol=1e-6)
        assert not torch.allclose(kept[name], last, rtol=1e-5, atol=1e-6)
    # And it is what was validated and evaluated.
    vae = run.vae()
    vae.load_state_dict(kept)
    again = evaluate(vae, run.data.examples("val"), seed=run.seed).values
    assert result.metrics["val/rate"] == pytest.approx(again["rate"], rel=1e-6)
    assert result.history[-1][VAL_RATE] == pytest.approx(again["rate"], rel=1e-6)


def test_the_best_average_is_kept(make_run: MakeRun, tmp_path: Path) -> None:
    result = fit_one(make_run(trainer=trainer(keep="best")), tmp_path)
    best = torch.load(RunFolder(tmp_path).last, weights_only=True)["best"]["weights"]
    kept = load_file(RunFolder(tmp_path).model)
    assert kept.keys() == best.keys()
    assert all(torch.equal(kept[name], best[name]) for name in kept)
    assert result.standing is not None and result.standing.kept == "best"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ema": 1.0}, "trainer.ema is the part of the average that a step keeps, above 0 and bel"),
        ({"ema": True}, "trainer.ema is the part"),
        ({"precision": "bf16-true"}, "has too few digits for that: use bf16-mixed"),
    ],
)
def test_an_average_that_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        trainer(**settings)


def test_a_model_that_cannot_be_copied_is_refused(make_run: MakeRun) -> None:
    def normed(shape: tuple[int, ...], likelihood: Any) -> VAE:
        vae = mlp(shape, likelihood, latents=2, hidden=(4,))
        torch.nn.utils.weight_norm(vae.decoder[0])  # the earlier one, with a weight that is no leaf
        return vae

    check(make_run(architecture=normed))
    with pytest.raises(UserError, match=r"^trainer\.ema: RuntimeError: Only Tensors created expl"):
        check(make_run(architecture=normed, trainer=trainer()))
