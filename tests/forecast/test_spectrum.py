"""The leading eigenvalues of a covariance, from parts of the data."""

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.forecast import spectrum as module
from betafront.forecast.spectrum import some_rows, spectrum

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


def test_of_more_examples_than_wanted_some_are_drawn() -> None:
    rows = torch.arange(1000.0)[:, None]  # sorted
    found = list(some_rows(rows, 64, 200))
    assert [len(part) for part in found] == [64, 64, 64, 8]
    drawn = torch.cat(found)
    assert len(drawn.unique()) == 200 and abs(float(drawn.mean()) - 500) < 4 * 289 / 200**0.5
    assert torch.equal(drawn, torch.cat([*some_rows(rows, 1000, 200)]))
    assert torch.equal(rows, torch.cat([*some_rows(rows, 64, 1000)]))
