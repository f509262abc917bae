"""The leading eigenvalues of a covariance, from parts of the data."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.forecast import spectrum as module
from betafront.forecast.spectrum import in_parts, spectrum

K = 6


def data(n: int = 900, dims: int = 300) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, dims, generator=generator) * torch.arange(1, dims + 1) ** -0.7
    rotation = torch.linalg.qr(torch.randn(dims, dims, generator=generator)).Q
    return x @ rotation + 3 * rotation[0]


def expected(x: Tensor) -> np.ndarray:
    return np.linalg.eigvalsh(np.cov(x.double().numpy().T, bias=True))[::-1]


@pytest.mark.parametrize("exact", [True, False])
def test_it_is_that_of_the_covariance(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exact:
        monkeypatch.setattr(module, "EXACT", 10)
    x = data()
    found = spectrum(lambda: x.split(128), x.shape[1], K)
    assert found.exact is exact
    values = expected(x)
    # float32, and of a spectrum that falls as slowly as k^-1.4 the Krylov space of four passes.
    np.testing.assert_allclose(found.values.numpy()[:K], values[:K], rtol=1e-4)
    assert found.total == pytest.approx(values.sum(), rel=1e-5)
    centred = (x - x.mean(0)).double()
    along = (centred @ found.vectors[:, :K].double()).square().mean(0)
    np.testing.assert_allclose(along.numpy(), values[:K], rtol=1e-4)


def test_fewer_examples_than_dimensions_have_few_eigenvalues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "EXACT", 10)
    x = data(n=5)
    found = spectrum(lambda: x.split(2), x.shape[1], K)
    np.testing.assert_allclose(found.values.numpy()[:4], expected(x)[:4], rtol=1e-4)
    assert float(found.values[4]) < 1e-6 * float(found.values[0])


def test_a_pass_ends_with_the_examples_that_are_wanted(tmp_path: Path) -> None:
    read = []

    def rows() -> Iterator[Tensor]:
        for i in range(10):
            read.append(i)
            yield torch.full((3, 2), float(i))

    assert torch.cat(list(in_parts(rows(), 7)))[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert read == [0, 1, 2]
