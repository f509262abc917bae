"""Pictures of images: rows of them on white."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from betafront.data.images.pictures import GAP, save


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("side", "zoom"), [(8, 4), (16, 2), (28, 1), (64, 1)])
def test_images_stand_in_rows_on_white(tmp_path: Path, channels: int, side: int, zoom: int) -> None:
    levels = torch.randint(255, (6, channels, side, side), generator=torch.Generator())
    save(levels / 255, tmp_path / "grid.png", columns=3)
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.mode == ("L" if channels == 1 else "RGB")
        drawn = np.asarray(picture).reshape(picture.height, picture.width, channels)
    tile = zoom * side + GAP
    assert drawn.shape[:2] == (2 * tile + GAP, 3 * tile + GAP)
    rest = np.ones(drawn.shape[:2], bool)
    for i, image in enumerate(levels.permute(0, 2, 3, 1).numpy()):
        top, left = GAP + i // 3 * tile, GAP + i % 3 * tile
        place = slice(top, top + zoom * side), slice(left, left + zoom * side)
        assert np.array_equal(drawn[place], image.repeat(zoom, 0).repeat(zoom, 1))
        rest[place] = False
    assert (drawn[rest] == 255).all()


def test_values_beyond_the_unit_interval_are_black_and_white(tmp_path: Path) -> None:
    save(torch.tensor([-1.0, 2.0]).view(2, 1, 1, 1).expand(2, 1, 32, 32), tmp_path / "a.png", 2)
    with Image.open(tmp_path / "a.png") as picture:
        drawn = np.asarray(picture)
    assert drawn[GAP, GAP] == 0
    assert drawn[GAP, -GAP - 1] == 255
