"""The room that images take in memory."""

import math
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from betafront.errors import UserError

# Of the memory: images take three times their size while they are brought onto levels.
PART = 0.25

MOST = 2**30
"""Bytes of images, as 32-bit numbers, that are brought into memory where they could as well be read
batch by batch: each process that trains has them for itself."""

CGROUPS = Path("/sys/fs/cgroup")


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
    most = int(PART * memory()) // each
    if wanted > most:
        raise UserError(
            f"data={name}: {wanted:,} images of {' x '.join(map(str, shape))} take "
            f"{wanted * each / 1e9:.1f} GB as 32-bit numbers, more than a quarter of this "
            f"machine's memory: give data.limit={most} or less"
        )


def refuse_choice(in_memory: bool | None) -> None:
    """Refuse what says neither memory nor reading when asked.

    Raises:
        UserError: naming the choices.
    """
    if in_memory not in (True, False, None):
        raise UserError(f"data.in_memory is true, false or null, not {in_memory}")


def fit_in_memory(size: int) -> bool:
    """Whether images that take `size` bytes as 32-bit numbers are brought into memory, where they
    need not be: up to a quarter of it, and to `MOST`."""
    return size <= min(PART * memory(), MOST)


def memory() -> int:
    """Bytes that this process may have: of the machine, or what its cgroup, `ulimit -v` or
    `ulimit -d` leaves of them."""
    found = [int(psutil.virtual_memory().total), *_of_cgroups()]
    limits = (resource.getrlimit(of)[0] for of in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return min(*found, *(limit for limit in limits if limit != resource.RLIM_INFINITY))


def _of_cgroups() -> Iterator[int]:
    """The limits of the cgroup of this process and of those above it."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, place = line.split(":", 2)
            if kinds and "memory" not in kinds.split(","):
                continue
            root, file = (
                (CGROUPS / "memory", "memory.limit_in_bytes") if kinds else (CGROUPS, "memory.max")
            )
            inner = root / place.lstrip("/")
            # In a container the place may be named as from outside, where only the root is there.
            for folder in (inner, *inner.parents):
                if not folder.is_relative_to(root):
                    break
                with suppress(OSError, ValueError):  # none there, or "max"
                    yield int((folder / file).read_text())
