"""The grey levels: which value is which, and what was not made from them."""

import pytest
import torch

from betafront.errors import UserError
from betafront.objective.likelihoods.grid import PARTS, Grid

EVERY = range(2, 257)


@pytest.mark.parametrize("dequantized", [False, True])
def test_the_level_of_a_levels_value_is_that_level_in_float32(dequantized: bool) -> None:
    for k in EVERY:
        grid, levels = Grid(k, dequantized), torch.arange(k)
        value = grid.value(levels.float())
        assert torch.equal(grid.level(value), levels)
        torch.testing.assert_close(value.diff(), torch.full((k - 1,), grid.width))
        assert (float(value[0]) == 0) != dequantized


@pytest.mark.parametrize("k", [2, 3, 17, 255, 256])
def test_every_part_of_a_cell_is_of_its_level_and_passes_the_check(k: int) -> None:
    level = torch.arange(k).repeat_interleave(PARTS)
    y = (level + (torch.arange(PARTS).repeat(k) + 0.5) / PARTS) / k
    assert y.dtype == torch.float32
    assert torch.equal(Grid(k, True).level(y), level)
    assert float(y.min()) > 0
    assert float(y.max()) < 1
    Grid(k, True).check(y, "categorical")


@pytest.mark.parametrize("k", [2, 3, 17, 255, 256])
def test_levels_pass_the_check_and_values_between_do_not(k: int) -> None:
    x = torch.arange(k) / (k - 1)
    Grid(k).check(x, "categorical")
    Grid(k).check((x + 0.9e-4).clamp(0, 1), "categorical")
    with pytest.raises(UserError, match=rf"is for {k} grey levels, i/{k - 1}, but .* as 0\.0011"):
        Grid(k).check((x + 1.1e-3).clamp(0, 1), "categorical")


def test_levels_that_were_not_dequantised_are_refused_and_the_other_way_round() -> None:
    levels, spread = torch.arange(17) / 16, (torch.arange(17) + 0.5 / PARTS) / 17
    with pytest.raises(UserError, match="for data dequantised from 17 grey levels"):
        Grid(17, True).check(levels, "categorical")
    with pytest.raises(UserError, match="for 17 grey levels, i/16"):
        Grid(17).check(spread, "categorical")


@pytest.mark.parametrize("k", [17, 256])
def test_data_dequantised_from_two_levels_is_not_that_of_more(k: int) -> None:
    # As where data.binarize makes two levels and the likelihood was told of k.
    part = torch.arange(PARTS)
    y = torch.cat([(i + (part + 0.5) / PARTS) / 2 for i in (0, 1)])
    with pytest.raises(UserError, match=r"likelihood\.levels .*\(binarised images have 2\)"):
        Grid(k, True).check(y, "discretized_logistic")


@pytest.mark.parametrize("dequantized", [False, True])
def test_data_outside_the_unit_interval_is_refused(dequantized: bool) -> None:
    with pytest.raises(UserError, match=r"levels in \[0, 1\], but the data runs from 0 to 255"):
        Grid(256, dequantized).check(torch.tensor([0.0, 255.0]), "categorical")


@pytest.mark.parametrize("levels", [1, 0, -3, 257, 2.5, True, "8"])
def test_levels_that_cannot_be_are_refused(levels: int) -> None:
    with pytest.raises(UserError, match=r"from 2 to 256, not .*: give data\.levels="):
        Grid(levels)
