"""Class folders as labels."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import torch

from betafront.data.factors import Table
from betafront.errors import UserError

SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}


def labels_of(files: Sequence[str], root: str, asked: bool | None) -> Table | None:
    """The label of each picture: the folder that it lies in or below, where the folder that all
    have in common branches. None where there are no such folders, or no labels are asked for.

    Args:
        files: paths below the folder of all pictures, with slashes.
        root: that folder, for messages.
        asked: whether folders are labels; None for where there are two or more.

    Raises:
        UserError: some pictures lie beside the folders; or the folders are those of splits; or
            labels are asked for, and there are none.
    """
    if asked not in (True, False, None):
        raise UserError(
            f"data.labels is true, false or null (folders are labels where there are several), not "
            f"{asked!r}"
        )
    if asked is False:
        return None
    folders = [PurePosixPath(file).parent.parts for file in files]
    common = _branching(folders)
    lie_beside = [file for file, at in zip(files, folders, strict=True) if len(at) == common]
    if len(lie_beside) == len(files):
        if asked:
            raise UserError(
                f"data.labels: all pictures of {root} lie in one folder: give each class a folder "
                "of its own, or leave data.labels out"
            )
        return None
    if lie_beside:
        raise UserError(
            f"data.labels: {len(lie_beside):,} of {len(files):,} pictures lie beside the folders "
            f"that are the labels of the others, first {lie_beside[0]}: move them, or give "
            "data.labels=false for no labels"
        )
    of_each = [at[common] for at in folders]
    classes = sorted(set(of_each))
    if {name.lower() for name in classes} <= SPLIT_NAMES:
        raise UserError(
            f"data.labels: the folders {', '.join(classes)} of {root} are those of splits, and no "
            f"classes: name one of them (the splits are made here), or give data.labels=false"
        )
    numbers = {name: number for number, name in enumerate(classes)}
    return Table.of_labels(torch.tensor([numbers[name] for name in of_each]), len(classes))


def _branching(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders, one in the other, all paths begin with."""
    for depth, names in enumerate(zip(*folders, strict=False)):
        if len(set(names)) > 1:
            return depth
    return min(map(len, folders))
