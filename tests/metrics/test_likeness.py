"""PSNR and SSIM of reconstructions that are known."""

import math
from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.metrics.likeness import likeness
from betafront.models import VAE
from betafront.objective import Gaussian


class Shifted(nn.Module):
    """Takes the image itself for its code, and gives it back a little brighter."""

    def __init__(self, side: int, by: float) -> None:
        super().__init__()
        self.side, self.by = side, by

    def forward(self, z: Tensor) -> Tensor:
        return z.unflatten(1, (1, self.side, self.side)) + self.by


class Itself(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1)
        return torch.cat([mean, torch.zeros_like(mean)], 1)


def brighter(side: int, by: float) -> VAE:
    return VAE(Itself(), Shifted(side, by), Gaussian(), side * side)


def images(n: int, side: int) -> Tensor:
    return 0.8 * torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("side", [3, 4, 8, 11, 28])
def test_a_shift_of_every_pixel(side: int) -> None:
    score = likeness(brighter(side, 0.1), images(7, side))
    assert score.values["psnr"] == pytest.approx(20, abs=1e-3)  # 10 lg(1 / 0.1²)
    assert 0.5 < score.values["ssim"] < 1  # the structure is there, the brightness is not


@pytest.mark.parametrize("side", [8, 28])
def test_the_same_image_is_wholly_alike(side: int) -> None:
    assert likeness(brighter(side, 0.0), images(3, side)).values["ssim"] == pytest.approx(1)


def test_small_images_have_a_smaller_window() -> None:
    small, large = (likeness(brighter(s, 0.1), images(2, s)).settings for s in (8, 28))
    assert small["ssim_sigma"] == pytest.approx(3 / 3.5)
    assert large["ssim_sigma"] == 1.5


@pytest.mark.parametrize("side", [1, 2])
def test_images_smaller_than_any_window_are_refused(side: int) -> None:
    with pytest.raises(UserError, match=f"3 x 3 pixels, and these have {side} x {side}: leave"):
        likeness(brighter(side, 0.1), images(3, side))


def test_batches_are_weighed_by_their_images(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, x = brighter(8, 0.05), images(10, 8)
    whole = likeness(vae, x).values
    module = import_module("betafront.metrics.likeness")  # not the function of that name
    monkeypatch.setattr(module, "EVALUATION_BATCH", 3)
    parts = likeness(vae, x).values
    assert parts == pytest.approx(whole, rel=1e-5)
    assert all(math.isfinite(value) for value in parts.values())
