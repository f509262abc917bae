"""A user's own pictures: the files below a folder."""

from collections.abc import Sequence

import torch

from betafront.data.images import Images, StreamedImages
from betafront.data.images.folder import Listing, Prepared, labels_of, pictures_below, prepared
from betafront.data.images.memory_limit import refuse_choice
from betafront.data.images.resize import refuse_size
from betafront.data.images.streamed_images import stored_images
from betafront.data.tensors import taken
from betafront.errors import UserError

NAMED = 3  # broken files that a note names


def folder(
    name: str,
    path: str,
    size: int | None = None,
    channels: int | None = None,
    labels: bool | None = None,
    broken: str = "refuse",
    in_memory: bool | None = None,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    binarize: float | None = None,
    levels: int | None = None,
    dequantize: bool = False,
) -> Images | StreamedImages:
    """The pictures below a folder (PNG, JPEG, TIFF, WebP and what else Pillow reads), scaled to
    [0, 1].

    Each is decoded once, into a file in the user's cache that all processes of the machine read.
    The images are in memory where they fit, else read from there batch by batch, which gives the
    same bits. With a limit the pictures that are chosen are decoded alone; where broken ones are
    skipped, all are, as the choice is among the others.

    Args:
        name: what the data is called in tables and records.
        path: the folder.
        size: pixels a side, as in `betafront.data.images.resize.resized`; None where all pictures
            have one size.
        channels: 1 to make all grey, 3 to give all three colours; None where all are alike.
        labels: whether the folders in `path` are labels, one known factor; None for where there are
            two or more.
        broken: `refuse` files that cannot be read, or `skip` them, which is said.
        in_memory: True or False to have the images in memory, or read batch by batch; None for
            memory where they fit.
        val, test, split_seed, limit, binarize, dequantize: as in
            `betafront.data.images.prepare`.
        levels: as there; None for the 256 of 8-bit pictures, and for none of 16-bit pictures.

    Raises:
        UserError: there are no pictures, or they cannot be read, or differ in a way that nobody has
            said what to do about.
    """
    if channels not in (1, 3, None):
        raise UserError(f"data.channels is 1, 3 or null, not {channels!r}")
    if broken not in ("refuse", "skip"):
        raise UserError(f"data.broken is refuse or skip, not {broken!r}")
    refuse_size(size)
    refuse_choice(in_memory)
    every = pictures_below(path)
    labels_of(every.files, path, labels)  # refused before anything is decoded
    asked: Sequence[int] = range(len(every.files))
    if broken == "refuse":
        asked = sorted(taken(len(every.files), split_seed, limit).tolist())
    listing = every.only(asked)
    found = prepared(listing, size, channels, name)
    if found.broken and broken == "refuse":
        raise UserError(_broken(listing, found, name))
    whole = [i for i in range(len(every.files)) if i not in found.broken]
    places = torch.full((len(every.files),), -1)  # in the file, of those that are in it
    places[list(asked)] = torch.arange(len(asked))
    return stored_images(
        name,
        found.file,
        places[whole],
        factors=labels_of([every.files[i] for i in whole], path, labels),
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
        binarize=binarize,
        levels=256 if levels is None and found.file.bits == 8 else levels,
        dequantize=dequantize,
        side=size,
        note=_note(listing, found, size, len(every.files)),
        in_memory=in_memory,
    )


def _broken(listing: Listing, found: Prepared, name: str) -> str:
    first = min(found.broken)
    more = f", and {len(found.broken) - 1:,} more" if len(found.broken) > 1 else ""
    return (
        f"data={name}: {len(found.broken):,} of {len(listing.files):,} pictures below "
        f"{listing.root} cannot be read, {listing.files[first]} ({found.broken[first]}){more}: mend"
        " or remove them, or leave them out with data.broken=skip"
    )


def _note(listing: Listing, found: Prepared, size: int | None, every: int) -> str:
    """How the pictures were read, of `every` that there are, in sentences."""
    n = len(listing.files) - len(found.broken)
    of = f", of {every:,}" if len(listing.files) < every else ""
    (low, narrow), (high, wide) = found.least, found.greatest
    sizes = f"{low} x {narrow}" if found.least == found.greatest else (
        f"{low} x {narrow} to {high} x {wide}"
    )  # fmt: skip
    said = f"{n:,} pictures of {sizes} pixels{of} below {listing.root}"
    if size is not None and (low, narrow, high, wide) != (size,) * 4:
        said += f", of each the middle square, brought to {size} x {size}"
    sentences = [f"{said}."]
    if found.file.bits == 16:
        sentences.append("Their 16-bit numbers are divided by 65,535.")
    if found.transparent:
        sentences.append(f"{found.transparent:,} may be transparent, and are laid on white.")
    if found.several:
        sentences.append(f"{found.several:,} hold several pictures, of which the first is taken.")
    if found.broken:
        names = [listing.files[i] for i in sorted(found.broken)[:NAMED]]
        more = ", …" if len(found.broken) > NAMED else ""
        sentences.append(
            f"{len(found.broken):,} cannot be read and are left out: {', '.join(names)}{more}."
        )
    return " ".join(sentences)
