"""Images in another size."""

import pytest
import torch

from betafront.data.images.resize import AT_ONCE, resized
from betafront.errors import UserError


def test_flat_images_stay_flat_and_the_range_is_kept() -> None:
    grey = torch.linspace(0, 1, 5).view(-1, 1, 1, 1).expand(5, 3, 7, 7)
    assert torch.allclose(resized(grey, 12), grey[:, :, :1, :1].expand(5, 3, 12, 12), atol=1e-6)
    noise = torch.randint(0, 2, (AT_ONCE + 3, 1, 4, 4)).float()
    bigger = resized(noise, 6)
    assert bigger.shape == (AT_ONCE + 3, 1, 6, 6)
    assert (bigger.min(), bigger.max()) == (0, 1)


def test_half_the_size_is_a_weighted_mean_of_neighbours() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[..., 4:] = 1
    small = resized(x, 4)[0, 0, 0]
    # The tent of twice the width weighs the pixels at distances 0.5, 1.5 with 3 : 1.
    assert torch.allclose(small, torch.tensor([0, 0.125, 0.875, 1]), atol=1e-6)


def test_the_middle_square_is_taken_of_others() -> None:
    x = torch.arange(6.0).expand(1, 1, 4, 6)
    assert torch.equal(resized(x, 4)[0, 0, 0], torch.tensor([1.0, 2, 3, 4]))


def test_no_size_leaves_them() -> None:
    x = torch.rand(2, 1, 4, 6)
    assert resized(x, None) is x


@pytest.mark.parametrize("size", [0, -3, 1.5, True])
def test_a_size_that_is_none_is_refused(size: float) -> None:
    with pytest.raises(UserError, match=r"data\.size"):
        resized(torch.rand(1, 1, 4, 4), size)  # type: ignore[arg-type]
