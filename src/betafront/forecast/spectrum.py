"""The leading eigenvalues of the covariance of vectors that are read in parts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

EXACT = 2048
"""The number of dimensions up to which all eigenvalues are computed. At that many the covariance
takes 34 MB in float64, and its decomposition seconds."""

MORE = 10
"""Directions that are followed beside those asked for (Halko et al. 2011, section 4.2)."""

PASSES = 4
"""Of the randomised method through the data."""

Parts = Callable[[], Iterable[Tensor]]
"""Makes a pass through the vectors: (B, D) float32 each."""


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a covariance, with n in its denominator.

    Attributes:
        values: (k,) float64, largest first.
        vectors: (D, k) float32, orthonormal.
        total: the sum of all eigenvalues, exact.
        exact: whether these are all eigenvalues, from the whole covariance; else they are the
            largest, by a randomised method.
    """

    values: Tensor
    vectors: Tensor
    total: float
    exact: bool


def spectrum(parts: Parts, dims: int, k: int) -> Spectrum:
    """The spectrum of the covariance of the vectors that `parts` gives.

    With many dimensions, that of its projection on the block Krylov space of a random start (Musco
    & Musco 2015, algorithm 2), for which the data is read `PASSES` times.

    Args:
        parts: makes a pass through the vectors.
        dims: D.
        k: eigenvalues wanted where not all are computed.
    """
    block = k + MORE
    if dims <= max(EXACT, PASSES * block):
        covariance, total = _times(parts, dims, None)
        values, vectors = torch.linalg.eigh(covariance)
        return Spectrum(values.flip(0).clamp(min=0), vectors.flip(1).float(), total, True)
    draw = torch.randn(dims, block, generator=torch.Generator().manual_seed(0))
    basis, images, total = torch.empty(dims, 0), torch.empty(dims, 0, dtype=torch.float64), 0.0
    block_basis = torch.linalg.qr(draw).Q
    for _ in range(PASSES):
        image, total = _times(parts, dims, block_basis)
        basis = torch.cat([basis, block_basis], 1)
        images = torch.cat([images, image], 1)
        following = image.float()
        for _ in range(2):  # once more, against rounding
            following = following - basis @ (basis.T @ following)
            following = torch.linalg.qr(following).Q
        block_basis = following
    small = basis.double().T @ images
    values, rotation = torch.linalg.eigh(0.5 * (small + small.T))
    leading = rotation.flip(1)[:, :k]
    vectors = basis @ leading.float()
    return Spectrum(values.flip(0)[:k].clamp(min=0), vectors, total, False)


def _times(parts: Parts, dims: int, directions: Tensor | None) -> tuple[Tensor, float]:
    """(D, l) float64 the covariance times (D, l) `directions`, or the whole of it; and its
    trace."""
    n, squares = 0, 0.0
    product: Tensor | float = 0.0
    total = torch.zeros(dims, dtype=torch.float64)
    for part in parts():
        product = product + (part.T @ (part if directions is None else part @ directions)).double()
        total += part.sum(0, dtype=torch.float64)
        squares += float((part**2).sum(dtype=torch.float64))
        n += len(part)
    mean = total / n
    along = mean if directions is None else mean @ directions.double()
    return product / n - torch.outer(mean, along), squares / n - float(mean @ mean)


def in_parts(rows: Iterable[Tensor], most: int | None = None) -> Iterator[Tensor]:
    """The first `most` examples of parts, without reading further; all where it is None."""
    left = most
    for part in rows:
        if left is None:
            yield part
            continue
        yield part[:left]
        left -= len(part)
        if left <= 0:
            return
