"""IRS against its definition."""

import numpy as np
import pytest
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.metrics.structure import irs

Ints = NDArray[np.int64]


def test_the_factors_themselves_are_robust(grid: Ints) -> None:
    scored = irs(grid, grid, quantile=1)
    np.testing.assert_allclose(scored.detail["robustness"], np.eye(4), atol=1e-12)
    assert scored.values["irs"] == pytest.approx(1)


def test_turned_by_45_degrees_half_the_deviation_stays(grid: Ints) -> None:
    square = np.indices((9, 9)).reshape(2, -1).T
    turned = square @ np.array([[1, 1], [1, -1]])
    # With one fixed the largest deviation is 4, with none 8.
    np.testing.assert_allclose(irs(turned, square, quantile=1).detail["robustness"], 0.5)


def test_duplicates_and_monotone_codes_are_robust(grid: Ints) -> None:
    assert irs(np.hstack([grid, np.exp(grid / 10)]), grid).values["irs"] == pytest.approx(1)


def test_order_sign_and_common_scale_change_nothing(draws: Ints) -> None:
    noisy = draws + np.random.default_rng(1).normal(size=draws.shape)
    changed = -7 * noisy[:, [2, 0, 3, 1]] * [1, -1, 1, 1]
    assert irs(changed, draws).values == pytest.approx(irs(noisy, draws).values)


def test_noise_is_not_robust_because_a_value_has_fewer_examples(draws: Ints) -> None:
    # The largest of 125 Gaussian deviations lies a third below the largest of 5,000; of quantiles
    # a tenth at most.
    noise = np.random.default_rng(1).normal(size=draws.shape)
    assert irs(noise, draws).values["irs"] < 0.1
    assert irs(noise, draws, quantile=1).values["irs"] > 0.2


def test_more_noise_is_less_robust(draws: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=draws.shape)
    values = [irs(draws + s * noise, draws).values["irs"] for s in (0, 1, 3, 10)]
    assert values == sorted(values, reverse=True)


def test_dead_latents_have_no_weight_and_are_not_counted(grid: Ints) -> None:
    scored = irs(np.hstack([grid, np.full((len(grid), 3), 0.1)]), grid)
    assert scored.values == pytest.approx({"irs": 1, "irs_latents": 4})
    dead = irs(np.full((len(grid), 3), 0.1), grid)
    assert dead.values == {"irs": 0, "irs_latents": 0}


def test_bad_input_is_refused(draws: Ints) -> None:
    with pytest.raises(UserError, match="no quantile"):
        irs(draws, draws, quantile=99)
    with pytest.raises(UserError, match="or lower `quantile`"):
        irs(draws, draws, quantile=0.999)
