"""Sets that torchvision holds as one array: MNIST and its kin, CIFAR, SVHN, STL-10."""

import gzip
import hashlib
import inspect
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from betafront.data.cache import home, remove_unused, use
from betafront.data.factors import Table
from betafront.data.images import Images, prepare
from betafront.data.images.resize import resized
from betafront.errors import UserError, near_miss, one_line
from betafront.files import opened_whole


def torchvision(
    name: str,
    dataset: str,
    root: str,
    download: bool = False,
    size: int | None = None,
    val: float = 1 / 6,
    split_seed: int = 0,
    limit: int | None = None,
    binarize: float | None = None,
    levels: int | None = 256,
    dequantize: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Images:
    """A set of `torchvision.datasets`, scaled to [0, 1], with its published test set. The label of
    an image is its one known factor.

    Args:
        name: what the data is called in tables and records.
        dataset: the class in `torchvision.datasets`.
        root: the folder that holds the set as torchvision lays it out.
        download: fetch the set into `root` where it is missing.
        size: as in `betafront.data.images.resize.resized`.
        val, split_seed, limit, binarize, levels, dequantize: as in
            `betafront.data.images.prepare`.
        options: further arguments of the class, as `split` of EMNIST.

    Raises:
        UserError: the files are not there, or cannot be fetched or read.
    """
    place = Path(root).expanduser().absolute()
    try:
        source = place if download else unpacked(place, dataset)
        (train, labels), (test, test_labels) = (
            _read(dataset, source, part, download, options or {}) for part in (True, False)
        )
    except UserError:
        raise
    except Exception as error:  # a damaged file makes its reader raise almost anything
        raise UserError(f"data={name} {_problem(error, place, download)}") from error
    return prepare(
        name,
        resized(train, size),
        test_set=resized(test, size),
        **_known(labels, test_labels),
        val=val,
        split_seed=split_seed,
        limit=limit,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
        side=size,
    )


def unpacked(root: Path, dataset: str) -> Path:
    """A root folder in which the IDX files of `dataset` are unpacked, as torchvision reads them.

    `root` may hold only the `.gz` files, and be read-only: then the files are unpacked once into
    the user's cache. Each file appears under its name only when all of it is written.
    """
    raw = root / dataset / "raw"
    packed = sorted(raw.glob("*-ubyte.gz"))
    if not packed or all(p.with_suffix("").exists() for p in packed):
        return root
    state = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in packed]
    key = hashlib.sha256(repr(state).encode()).hexdigest()[:12]
    cache = home() / key
    target = cache / dataset / "raw"
    target.mkdir(parents=True, exist_ok=True)
    for p in packed:
        whole = target / p.with_suffix("").name
        use(whole)
        if not whole.exists():
            with gzip.open(p) as source, opened_whole(whole) as sink:
                shutil.copyfileobj(source, sink)
            remove_unused()
    return cache


def _read(
    dataset: str, root: Path, train: bool, download: bool, options: Mapping[str, Any]
) -> tuple[Tensor, Tensor]:
    from torchvision import datasets

    if dataset not in datasets.__all__:
        known = near_miss(dataset, datasets.__all__)
        raise UserError(f"data.dataset: torchvision has no '{dataset}': {known}")
    kind = getattr(datasets, dataset)
    settings = {**_part(kind, train, options), "download": download}
    published = kind(root=str(root), **settings)
    if not hasattr(published, "data"):
        raise UserError(
            f"data.dataset: {dataset} is no array of images: where it is a folder of pictures, "
            "data=folder data.path=FOLDER reads it"
        )
    x = torch.as_tensor(published.data)
    if x.ndim == 3:
        x = x.unsqueeze(1)
    elif x.shape[1] != 3:
        x = x.permute(0, 3, 1, 2)
    if dataset == "EMNIST":  # whose files have the images on their sides
        x = x.mT
    labels = published.targets if hasattr(published, "targets") else published.labels
    return x.float() / 255, torch.as_tensor(labels)


def _part(kind: Any, train: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by which a class of torchvision gives its training or its test set."""
    if "split" in inspect.signature(kind).parameters and "split" not in options:
        return {**options, "split": "train" if train else "test"}
    return {**options, "train": train}


def _known(labels: Tensor, test_labels: Tensor) -> dict[str, Any]:
    """The labels, counted from 0, as arguments of `prepare`. Of several facts about an image, as
    QMNIST has them, the first one is its label."""
    labels, test_labels = (of.reshape(len(of), -1)[:, 0] for of in (labels, test_labels))
    both = torch.cat([labels, test_labels])
    least = int(both.min())
    size = 1 + int(both.max()) - least
    return {
        "factors": Table.of_labels(labels - least, size),
        "test_set_factors": Table.of_labels(test_labels - least, size),
    }


def _problem(error: Exception, root: Path, download: bool) -> str:
    if isinstance(error, RuntimeError) and "not found" in str(error):
        return (
            f"is not in {root}: fetch it with data.download=true, or name the folder that holds it "
            "with data.root=FOLDER or the environment variable BETAFRONT_DATA_DIR"
        )
    reason = one_line(error) or "it is damaged"
    if download:
        return f"could not be fetched into {root} and read: {reason}"
    return f"in {root} cannot be read: {reason}"
