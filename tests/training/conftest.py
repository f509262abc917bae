"""A small run that takes a fraction of a second, to be changed part by part."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import pytest
import torch

from betafront.data import Images, digits
from betafront.metrics import evaluate
from betafront.models import mlp
from betafront.objective import Gaussian, Objective, normalisation
from betafront.training import Run, Trainer

MakeRun = Callable[..., Run]

STEPS_PER_EPOCH = 3
WEIGHTING = {field.name for field in fields(Objective)}


@pytest.fixture(scope="session")
def small_digits() -> Images:
    images = digits(limit=200)
    assert len(images.train) // 32 == STEPS_PER_EPOCH
    return images


@pytest.fixture(scope="session")
def make_run(small_digits: Images) -> MakeRun:
    def make(steps: int = 12, precision: str = "32-true", **changed: Any) -> Run:
        written = {"weight": 1.0, "normalisation": normalisation("sum")}
        written |= {key: changed.pop(key) for key in WEIGHTING & set(changed)}
        parts: dict[str, Any] = {
            "data": small_digits,
            "architecture": partial(mlp, latents=2, hidden=(16,)),
            "likelihood": Gaussian,
            "make_objective": partial(Objective, **written),
            "make_optimizer": partial(torch.optim.Adam, lr=1e-2),
            "trainer": Trainer(steps=steps, batch_size=32, accelerator="cpu", precision=precision),
            "evaluate": evaluate,
            "seed": 0,
        }
        return Run(**(parts | changed))

    return make
