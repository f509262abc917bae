"""Whether so many images go into memory."""

import math

import psutil

from betafront.errors import UserError

# Of the machine: while images are brought onto their grey levels they take three times their size.
PART = 0.25


def refuse_too_many(name: str, n: int, shape: tuple[int, ...], limit: int | None) -> None:
    """Refuse images that would take more than a quarter of the memory, before any is read.

    Args:
        name: of the data.
        n: how many images there are.
        shape: of one, which will be float32.
        limit: how many are wanted; None wants all.

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
