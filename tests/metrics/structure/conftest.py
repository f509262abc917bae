"""Factors of unequal sizes: as a full grid, where closed forms are exact, and as random draws."""

import numpy as np
import pytest
from numpy.typing import NDArray

SIZES = (3, 40, 32, 6)


@pytest.fixture(scope="session")
def grid() -> NDArray[np.int64]:
    return np.indices(SIZES).reshape(4, -1).T


@pytest.fixture(scope="session")
def draws() -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, SIZES, (5000, 4))
