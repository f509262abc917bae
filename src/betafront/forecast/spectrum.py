"""The leading eigenvalues of the covariance of vectors that are read in parts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.data import Examples

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
    & Musco 2015, algorithm 2), for which the data is read `PASSES` times and once.

    Args:
        parts: makes a pass through the vectors.
        dims: D.
        k: eigenvalues wanted where not all are computed.
    """
    mean, total, covariance = _moments(parts, dims <= max(EXACT, PASSES * (k + MORE)))
    if covariance is not None:
        values, vectors = torch.linalg.eigh(covariance)
        return Spectrum(values.flip(0).clamp(min=0), vectors.flip(1).float(), total, True)
    draw = torch.randn(dims, k + MORE, generator=torch.Generator().manual_seed(0))
    block, basis = torch.linalg.qr(draw).Q, torch.empty(dims, 0)
    images = torch.empty(dims, 0, dtype=torch.float64)
    for _ in range(PASSES):
        image = _times(parts, mean, block)
        basis, images = torch.cat([basis, block], 1), torch.cat([images, image], 1)
        block = image.float()
        for _ in range(2):  # once more, against rounding
            block = torch.linalg.qr(block - basis @ (basis.T @ block)).Q
    small = basis.double().T @ images
    values, rotation = torch.linalg.eigh(0.5 * (small + small.T))
    vectors = basis @ rotation.flip(1)[:, :k].float()
    return Spectrum(values.flip(0)[:k].clamp(min=0), vectors, total, False)


def _moments(parts: Parts, whole: bool) -> tuple[Tensor, float, Tensor | None]:
    """(D,) float64 the mean, the sum of the variances, and (D, D) float64 the covariance where the
    `whole` of it is wanted."""
    n, squares = 0, 0.0
    total, product = torch.zeros(()), torch.zeros(())
    for part in parts():  # in float64 from part to part
        total = total + part.sum(0).double()
        squares += float((part**2).sum())
        n += len(part)
        if whole:
            product = product + (part.T @ part).double()
    mean = total / n
    covariance = product / n - torch.outer(mean, mean) if whole else None
    return mean, squares / n - float(mean @ mean), covariance


def _times(parts: Parts, mean: Tensor, directions: Tensor) -> Tensor:
    """(D, l) float64 the covariance times (D, l) directions."""
    n, product = 0, torch.zeros(())
    for part in parts():
        product = product + (part.T @ (part @ directions)).double()
        n += len(part)
    return product / n - torch.outer(mean, mean @ directions.double())


def some_rows(rows: Tensor | Examples, size: int, most: int) -> Iterable[Tensor]:
    """Examples of a split, `size` at once: all of them where they are no more than `most`, else so
    many drawn at random, the same with every call. Data may be sorted.

    Args:
        rows: (n, …) in memory, or read when they are asked for.
        size, most: as above.
    """
    if len(rows) <= most:
        return rows.split(size)
    drawn = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:most]
    return (rows[numbers] for numbers in drawn.sort().values.split(size))
