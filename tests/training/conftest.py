"""A small run that takes a fraction of a second, to be changed part by part."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from betafront.data import Images, digits
from betafront.metrics import evaluate
from betafront.models import mlp
from betafront.objective import Constant, Gaussian, normalisation
from betafront.training import Run, Trainer

MakeRun = Callable[..., Run]

STEPS_PER_EPOCH = 3


@pytest.fixture(scope="session")
def small_digits() -> Images:
    images = digits(limit=200)
    assert len(images.train) // 32 == STEPS_PER_EPOCH
    return images


@pytest.fixture
def make_run(small_digits: Images) -> MakeRun:
    def make(steps: int = 12, precision: str = "32-true", **changed: Any) -> Run:
        parts: dict[str, Any] = {
            "images": small_digits,
            "architecture": partial(mlp, latents=2, hidden=(16,)),
            "likelihood": Gaussian,
            "weight": 1.0,
            "normalisation": normalisation("sum"),
            "schedule": Constant(),
            "make_optimizer": partial(torch.optim.Adam, lr=1e-2),
            "trainer": Trainer(steps=steps, batch_size=32, accelerator="cpu", precision=precision),
            "evaluate": evaluate,
            "seed": 0,
        }
        return Run(**(parts | changed))

    return make
