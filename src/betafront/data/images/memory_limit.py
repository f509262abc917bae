"""The room that images take in memory."""

import math

import psutil

from betafront.errors import UserError

# Of the machine's memory: images take three times their size while they are brought onto levels.
PART = 0.25


def refuse_too_many(name: str, n: int, shape: tuple[int, ...], limit: int | None) -> None:
    """Refuse images that would take more than a quarter of the memory, before any is read.

    Args:
        name: of the data.
        n: the number of images of the data.
        shape: of one image, which will be float32.
        limit: the number of images that are wanted; None means all.

    Raises:
        UserError: with the limit that fits.
    """
    wanted = n if limit is None else min(n, limit)
    each = 4 * math.prod(shape)
    most = int(PART * psutil.virtual_memory().total) // each
    if wanted > most:
        raise UserError(
            f"data={name}: {wanted:,} images of {' x '.join(map(str, shape))} take "
            f"{wanted * each / 1e9:.1f} GB as 32-bit numbers, more than a quarter of this "
            f"machine's memory: give data.limit={most} or less"
        )
