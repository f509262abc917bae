"""Gradients are clipped before a step is taken."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from betafront.errors import UserError
from betafront.training import Run, Trainer, fit_one
from betafront.training.history import VAL_RATE
from betafront.training.recipe.clipping import Clip

MakeRun = Callable[..., Run]


class Watching(torch.optim.SGD):
    """An optimiser that notes the gradients of its steps, and whose steps go nowhere."""

    norms: list[float]
    largest: list[float]

    def step(self, closure: Any = None) -> Any:  # type: ignore[override]
        loss = closure()
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        flat = torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])
        self.norms.append(flat.norm().item())
        self.largest.append(flat.abs().max().item())
        return loss


@pytest.fixture(autouse=True)
def nothing_yet() -> None:
    Watching.norms, Watching.largest = [], []


def fitted(make_run: MakeRun, folder: Path, precision: str = "32-true", **clip: float) -> None:
    settings: dict[str, Any] = {"steps": 3, "batch_size": 32, "accelerator": "cpu"}
    trainer = Trainer(**settings, precision=precision, **clip)  # type: ignore[arg-type]
    fit_one(make_run(trainer=trainer, make_optimizer=partial(Watching, lr=1e-9)), folder)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_norm_of_all_parameters_is_bounded(
    make_run: MakeRun, tmp_path: Path, precision: str
) -> None:
    fitted(make_run, tmp_path / "free", precision)
    free = Watching.norms.copy()
    assert min(free) > 2.0
    Watching.norms.clear()
    fitted(make_run, tmp_path / "clipped", precision, clip_norm=1.5)
    assert Watching.norms == pytest.approx([1.5] * 3, rel=1e-4)


def test_every_element_is_bounded(make_run: MakeRun, tmp_path: Path) -> None:
    fitted(make_run, tmp_path / "clipped", clip_value=0.25)
    assert Watching.largest == [0.25] * 3


def test_a_fused_optimiser_is_clipped_too(make_run: MakeRun, tmp_path: Path) -> None:
    trainer = Trainer(
        steps=3, batch_size=32, accelerator="cpu", precision="bf16-mixed", clip_norm=1e-9
    )
    sgd = partial(torch.optim.SGD, lr=1.0, fused=True)
    history = fit_one(make_run(trainer=trainer, make_optimizer=sgd), tmp_path).history
    before = fit_one(
        make_run(trainer=trainer, make_optimizer=partial(torch.optim.SGD, lr=0.0)), tmp_path / "no"
    ).history
    assert history[-1][VAL_RATE] == pytest.approx(before[-1][VAL_RATE], rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"clip_norm": 0.0}, "trainer.clip_norm must be a number above 0, or null, not 0.0"),
        ({"clip_value": "much"}, "trainer.clip_value must be a number above 0"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "both clip the gradient: set one of them to null"),
    ],
)
def test_clipping_that_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Trainer(**settings)


def test_a_gradient_that_two_parameters_of_a_stack_share_is_clipped_once() -> None:
    shared = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    both = Clip(norm=1.0).of_runs([shared, shared])
    torch.testing.assert_close(torch.cat(list(both), 1).norm(dim=1), torch.tensor([1.0, 0.5**0.5]))
    (held,) = Clip(value=0.5).of_runs([shared])
    assert held.max() == 0.5
