"""How many runs are stacked: as many as were measured to pay, and none that cannot be."""

from collections.abc import Callable
from functools import partial

import pytest

from betafront.models import conv, mlp
from betafront.training import Run, Trainer, stack_pays

MakeRun = Callable[..., Run]


def test_small_models_are_stacked_and_large_ones_are_not(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert stack_pays(make_run()) == 16
    large = partial(mlp, latents=2, hidden=(2000, 1000))
    assert stack_pays(make_run(architecture=large)) == 1
    assert stack_pays(make_run(architecture=partial(conv, width=4))) == 1
    accumulated = Trainer(steps=12, batch_size=32, accelerator="cpu", accumulate=2)
    assert stack_pays(make_run(trainer=accumulated)) == 1
