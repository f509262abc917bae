"""The numbers of a run's latent map: the codes of examples in at most two dimensions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from betafront.files import opened_whole
from betafront.training.folder import RunFolder

if TYPE_CHECKING:
    from torch import Tensor

    from betafront.data import Factors

POINTS = 2000
DIRECTLY = 512  # latents up to which the principal plane comes from all covariances

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LatentMap:
    """Posterior means, as they are or projected orthogonally onto a plane through the origin, in
    which a prior of N(0, 1) is a unit Gaussian around 0 as well.

    Attributes:
        points: (n, 2) float32, or (n, 1) where the model has one latent; in the prior's σ.
        axes: the name of each dimension.
        values: (n,) of a known factor of the examples, from 0; all 0 where none is known.
        factor: the name of that factor, empty where none is known.
        size: the number of its values.
        standard_prior: whether the prior is N(0, 1), so that its place is known without the model.
    """

    points: NDArray[np.float32]
    axes: tuple[str, ...]
    values: NDArray[np.int64]
    factor: str
    size: int
    standard_prior: bool = True

    def save(self, folder: Path) -> None:
        """Write `latent_map.npz`."""
        with opened_whole(RunFolder(folder).latent_map) as sink:
            np.savez(sink, **asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "LatentMap":
        """The map that a run wrote into its folder."""
        with np.load(RunFolder(folder).latent_map) as kept:
            return cls(
                points=kept["points"],
                axes=tuple(kept["axes"].tolist()),
                values=kept["values"],
                factor=str(kept["factor"]),
                size=int(kept["size"]),
                standard_prior=bool(kept.get("standard_prior", True)),  # not in older maps
            )


def latent_map(
    codes: "Tensor",
    kl: Sequence[float],
    active: int,
    factors: "Factors | None",
    standard_prior: bool = True,
) -> LatentMap:
    """The map of the first `POINTS` examples of the validation split.

    A model with more than two active latents is shown in the principal plane of its posterior
    means, any other in the two latents of the highest KL. Neither is centred or scaled.

    Args:
        codes: (n, M) posterior means of all of the split.
        kl: (M,) mean KL per latent, in nats.
        active: the number of active latents.
        factors: of the examples, if any are known. The first factor without an order, such as a
            label or a shape, gives the colours; where all have an order, the first factor.
        standard_prior: whether the prior of the model is N(0, 1).
    """
    every = codes.numpy()
    places, axes = _plane(every) if active > 2 else _most_used(every, np.asarray(kl))
    points = places[:POINTS].astype(np.float32)
    if factors is None:
        return LatentMap(points, axes, np.zeros(len(points), np.int64), "", 1, standard_prior)
    k = factors.ordinal.index(False) if False in factors.ordinal else 0
    values = factors.val[:POINTS, k].numpy()
    return LatentMap(points, axes, values, factors.names[k], factors.sizes[k], standard_prior)


def _plane(codes: Array) -> tuple[Array, tuple[str, ...]]:
    variances, directions, total = _principal(codes)
    shares = variances / total
    across = directions
    across = across * np.sign(
        across[np.abs(across).argmax(0), [0, 1]]
    )  # an eigenvector may have either sign
    names = [f"PC {i}: {share:.0%} of the means' variance" for i, share in enumerate(shares, 1)]
    return codes @ across, tuple(names)


def _principal(codes: Array) -> tuple[Array, Array, float]:
    """The two greatest variances of (n, M) codes, their directions (M, 2), and the sum of all
    variances."""
    if codes.shape[1] <= DIRECTLY:
        every, directions = np.linalg.eigh(np.cov(codes, rowvar=False))
        return every[:-3:-1], directions[:, :-3:-1], every.sum()  # the last two: they rise
    # Of thousands of latents the matrix of covariances would take minutes.
    from scipy.sparse.linalg import svds

    centred = codes - codes.mean(0)
    start = np.random.default_rng(0).standard_normal(min(codes.shape))
    _, sizes, directions = svds(centred, k=2, v0=start)
    order = np.argsort(sizes)[::-1]
    n = len(codes) - 1
    return sizes[order] ** 2 / n, directions[order].T, float((centred**2).sum()) / n


def _most_used(codes: Array, kl: Array) -> tuple[Array, tuple[str, ...]]:
    chosen = sorted(np.argsort(-kl, kind="stable")[:2].tolist())
    return codes[:, chosen], tuple(f"z{j + 1}, KL {kl[j]:.2f} nats" for j in chosen)
