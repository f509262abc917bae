"""A folder of pictures as one file of images in the cache, made once for all processes."""

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from betafront.data.cache import claimed, home, use
from betafront.data.images.folder.listing import Listing
from betafront.data.images.folder.pixels import Head, head, pixels
from betafront.data.images.folder.processes import by_processes
from betafront.data.images.folder.progress import Progress
from betafront.data.images.stored import TYPES, ImageFile
from betafront.errors import FULL, UserError, one_line
from betafront.files import write_whole, written_whole

VERSION = 1  # of what the file holds and of how it is made
HEADS, PICTURES = 256, 32  # of one job


@dataclass(frozen=True)
class Prepared:
    """What became of the pictures of a folder.

    Attributes:
        file: holds an image for each picture, in their order; of a broken one a black image.
        broken: the numbers of broken pictures, and why they are that.
        least, greatest: height and width of the smallest and of the largest picture.
        transparent: how many of them have an alpha channel, or a colour that is transparent.
        several: how many files have further pictures, which are not read.
    """

    file: ImageFile
    broken: dict[int, str] = field(default_factory=dict)
    least: tuple[int, int] = (0, 0)
    greatest: tuple[int, int] = (0, 0)
    transparent: int = 0
    several: int = 0


def prepared(listing: Listing, size: int | None, channels: int | None, name: str) -> Prepared:
    """The pictures of a folder, decoded once: from the cache, where a process has been here before,
    else by processes on all cores. Of several that ask at once the first does it.

    The file in the cache is named after what it is made of: the names of the pictures, their bytes
    and the times at which they were changed, the size and the channels.

    Args:
        listing: the pictures.
        size: as in `betafront.data.images.resize.resized`.
        channels: 1 or 3; None where all pictures have the same.
        name: of the data.

    Raises:
        UserError: the pictures differ in a way that nobody has said what to do about, or the cache
            cannot be written.
    """
    path = home() / "folders" / f"{_key(listing, size, channels)}.images"
    if (found := _read(path)) is not None:
        return found
    try:
        with claimed(path):
            return _read(path) or _made(path, listing, size, channels, name)
    except OSError as error:
        why = FULL.get(error.errno or 0) or error.strerror or one_line(error)
        raise UserError(
            f"data={name}: the images cannot be kept in {path.parent} ({why}): free some space, or "
            "name a folder for the cache with the environment variable XDG_CACHE_HOME"
        ) from error


def _key(listing: Listing, size: int | None, channels: int | None) -> str:
    made_of = (VERSION, listing.files, listing.state, size, channels)
    return hashlib.sha256(repr(made_of).encode(errors="surrogateescape")).hexdigest()[:24]


def _read(path: Path) -> Prepared | None:
    """What the cache has; None where it has nothing, or a damaged file."""
    use(path, _record(path))
    try:
        said = json.loads(_record(path).read_text())
        file = ImageFile(
            path, (*said["shape"],), said["bits"], said["digest"], (*said["values"],)
        )  # fmt: skip
        if path.stat().st_size != said["bytes"]:
            return None
        broken = {int(number): why for number, why in said["broken"].items()}
        sizes = (*said["least"],), (*said["greatest"],)
        return Prepared(file, broken, *sizes, said["transparent"], said["several"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record(path: Path) -> Path:
    return path.with_suffix(".json")


class Form(NamedTuple):
    """What all images of a file have in common."""

    shape: tuple[int, int, int]
    bits: int

    @property
    def bytes(self) -> int:
        """Of one image."""
        return math.prod(self.shape) * TYPES[self.bits].itemsize


def _made(
    path: Path, listing: Listing, size: int | None, channels: int | None, name: str
) -> Prepared:
    heads = _heads(listing, name)
    form = _form(listing, heads, size, channels, name)
    broken = {i: found for i, found in enumerate(heads) if isinstance(found, str)}
    whole = [found for found in heads if isinstance(found, Head)]
    n, seen = len(heads), np.zeros(2**form.bits, bool)
    with written_whole(path) as part:
        with part.open("wb") as sink:
            os.posix_fallocate(sink.fileno(), 0, n * form.bytes)  # a full disk is known here
        work = partial(_decode, listing, part, form, size, frozenset(broken))
        progress = Progress(f"data={name}: decoding", n)
        for done, values, failed in by_processes(work, n, PICTURES):
            seen[values] = True
            broken |= failed
            progress.add(done)
        digest = _digest(part, form, n, broken)
    if len(broken) == n:
        path.unlink()
        raise UserError(_none_left(listing, broken, name))
    file = ImageFile(path, form.shape, form.bits, digest, tuple(np.nonzero(seen)[0].tolist()))
    sides = [(found.height, found.width) for found in whole]
    made = Prepared(
        file,
        broken,
        min(sides),
        max(sides),
        transparent=sum(found.alpha for found in whole),
        several=sum(found.several for found in whole),
    )
    said = asdict(made)
    record = {**said.pop("file"), **said, "bytes": n * form.bytes}
    write_whole(_record(path), json.dumps(record | {"path": listing.root.name}))
    return made


def _heads(listing: Listing, name: str) -> list[Head | str]:
    found: list[Head | str] = []
    progress = Progress(f"data={name}: looking at", len(listing.files))
    for part in by_processes(partial(_look, listing), len(listing.files), HEADS):
        found += part
        progress.add(len(part))
    return found


def _look(listing: Listing, numbers: Sequence[int]) -> list[Head | str]:
    return [head(listing.root / listing.files[i]) for i in numbers]


def _decode(
    listing: Listing,
    into: Path,
    form: Form,
    size: int | None,
    broken: frozenset[int],
    numbers: Sequence[int],
) -> tuple[int, NDArray[np.int64], dict[int, str]]:
    """Write some images into their places; returns how many pictures were tried, the numbers that
    occur in their pixels, and which are broken."""
    failed, seen = dict[int, str](), np.zeros(2**form.bits, bool)
    with into.open("r+b") as sink:
        for i in numbers:
            if i in broken:
                continue
            found = pixels(listing.root / listing.files[i], form.shape[0], form.bits, size)
            if not isinstance(found, str) and found.shape != form.shape:
                found = f"it has {found.shape[1]} x {found.shape[2]} pixels, not as its head says"
            if isinstance(found, str):
                failed[i] = found
                continue
            seen[found] = True
            sink.seek(i * form.bytes)
            sink.write(found.astype(TYPES[form.bits]).tobytes())
    return len(numbers), np.nonzero(seen)[0], failed


def _digest(path: Path, form: Form, n: int, broken: dict[int, str]) -> str:
    """Of the images that are no broken pictures."""
    sha = hashlib.sha256(repr(form).encode())
    with path.open("rb") as source:
        for i in range(n):
            image = source.read(form.bytes)
            if i not in broken:
                sha.update(image)
    return sha.hexdigest()[:16]


def _form(
    listing: Listing, heads: Sequence[Head | str], size: int | None, channels: int | None, name: str
) -> Form:
    """The form of all images.

    Raises:
        UserError: the pictures have several, and nobody has said which one to bring them to.
    """
    whole = {file: h for file, h in zip(listing.files, heads, strict=True) if isinstance(h, Head)}
    if not whole:
        broken = {i: why for i, why in enumerate(heads) if isinstance(why, str)}
        raise UserError(_none_left(listing, broken, name))
    bits = _only(
        whole, "bits", {8: "8 bits", 16: "16 bits"}, "keep one kind in the folder", listing
    )
    colour = channels == 3
    if channels is None:
        kinds = {False: "grey", True: "in colour"}
        colour = _only(whole, "colour", kinds, "give data.channels=1 or data.channels=3", listing)
    if size is not None:
        return Form((3 if colour else 1, size, size), bits)
    sizes = Counter((h.height, h.width) for h in whole.values())
    if len(sizes) > 1:
        (often, times), *_ = sizes.most_common()
        odd = next(file for file, h in whole.items() if (h.height, h.width) != often)
        other = f"{whole[odd].height} x {whole[odd].width}"
        raise UserError(
            f"data.path: the pictures of {listing.root} have {len(sizes):,} sizes, {times:,} of "
            f"them {often[0]} x {often[1]} pixels, and {odd} {other}: give data.size=32, say, to "
            "bring all to 32 x 32"
        )
    ((height, width),) = sizes
    return Form((3 if colour else 1, height, width), bits)


def _only(whole: dict[str, Head], what: str, kinds: dict[Any, str], way: str, of: Listing) -> Any:
    """The one value that all pictures have of an attribute.

    Raises:
        UserError: they have several, with the first file of each.
    """
    found = Counter(getattr(h, what) for h in whole.values())
    if len(found) == 1:
        return next(iter(found))
    firsts = {kind: next(f for f, h in whole.items() if getattr(h, what) == kind) for kind in kinds}
    parts = [f"{found[kind]:,} {said} (first {firsts[kind]})" for kind, said in kinds.items()]
    raise UserError(f"data.path: of the pictures of {of.root}, {' and '.join(parts)}: {way}")


def _none_left(listing: Listing, broken: dict[int, str], name: str) -> str:
    first = min(broken)
    return (
        f"data={name}: none of the {len(listing.files):,} pictures below {listing.root} can be "
        f"read, first {listing.files[first]} ({broken[first]})"
    )
