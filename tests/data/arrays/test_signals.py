"""Signals: their pictures, and new ones for a trained model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from betafront.data import tensor
from betafront.data.arrays.signals import SignalPreparation, Signals
from betafront.errors import UserError
from betafront.trained import preparation
from betafront.training import Run
from betafront.training.fitting import fit_one


def waves(n: int = 60, length: int = 24) -> np.ndarray:
    """Two channels of sines of random phases."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (n, 2, 1))
    return np.sin(phase + np.linspace(0, 6, length)).astype(np.float32)


def test_a_run_draws_lines(tmp_path: Path, make_run: Callable[..., Run]) -> None:
    np.save(tmp_path / "waves.npy", waves())
    data = tensor("waves", str(tmp_path / "waves.npy"), kind="signals")
    assert isinstance(data, Signals)
    result = fit_one(make_run(data=data, steps=2), tmp_path / "run")
    assert result.data["shape"] == [2, 24]
    drawn = {path.name for path in (tmp_path / "run/pictures").iterdir()}
    assert {"reconstructions.png", "samples.png", "traversals.png"} <= drawn
    colours = set[tuple[int, ...]]()
    with Image.open(tmp_path / "run/pictures/reconstructions.png") as picture:
        colours = set(picture.convert("RGB").getdata())
    assert {(0x1F, 0x77, 0xB4), (0xD6, 0x27, 0x28)} <= colours  # two channels, and no third
    assert (0x2C, 0xA0, 0x2C) not in colours


def test_new_signals_come_in_every_form() -> None:
    x = torch.from_numpy(waves(4))
    prepare = preparation({"preparation": SignalPreparation((2, 24)).as_json()})
    assert isinstance(prepare, SignalPreparation)
    assert prepare(x).equal(x)
    assert prepare(x.movedim(1, -1)).equal(x)
    assert SignalPreparation((1, 24))(x[:, 0]).equal(x[:, :1])
    with pytest.raises(UserError, match=r"the model is for examples of the shape \(2, 24\)"):
        prepare(x[:, 0])
