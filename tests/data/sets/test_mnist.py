"""The real MNIST, where BETAFRONT_DATA_DIR names a folder that holds it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from betafront.data import Images, torchvision


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def mnist(cache: Path) -> Images:
    root = os.environ.get("BETAFRONT_DATA_DIR")
    if not root:
        pytest.skip("BETAFRONT_DATA_DIR is not set: there is no folder with the real MNIST")
    return torchvision("mnist", "MNIST", root)


def test_60000_and_10000_images(mnist: Images) -> None:
    assert [len(x) for x in (mnist.train, mnist.val, mnist.test)] == [50_000, 10_000, 10_000]
    assert mnist.shape == (1, 28, 28)


def test_grey_levels_in_the_unit_interval(mnist: Images) -> None:
    for x in (mnist.train, mnist.val, mnist.test):
        assert (float(x.min()), float(x.max())) == (0, 1)


def test_known_means(mnist: Images) -> None:
    # The published pixel means, to the four digits in which they are known.
    assert float(mnist.test.double().mean()) == pytest.approx(0.1325, abs=5e-5)
    everything = torch.cat([mnist.train, mnist.val]).double()
    assert float(everything.mean()) == pytest.approx(0.1307, abs=5e-5)
    assert float(everything.std()) == pytest.approx(0.3081, abs=5e-5)
