"""What a user's `Dataset`, `LightningDataModule` or dictionary of them gives: a set per split."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from betafront.data.data import SPLITS
from betafront.errors import UserError
from betafront.own_modules import cause

OTHER_NAMES = {"valid": "val", "validation": "val", "dev": "val"}
LIGHTNING = ("pytorch_lightning.", "lightning.")
WAY_OUT = "name one as data.dataset={_target_: mymodule.MySet}"
BATCH_HOOKS = ("on_before_batch_transfer", "on_after_batch_transfer", "transfer_batch_to_device")


@dataclass(frozen=True)
class Source:
    """A set of examples that are read by their numbers.

    Attributes:
        set: has `__len__` and `__getitem__`.
        collate: makes a batch of what `set` gives, where the user has a function for it.
    """

    set: Any
    collate: Callable[[list[Any]], Any] | None = None

    def __len__(self) -> int:
        return len(self.set)


def sources_of(given: Any) -> dict[str, Source]:
    """The sets of a user's data by their splits: `train`, and `val` and `test` where they are given
    apart.

    Args:
        given: a map-style `Dataset`; a `LightningDataModule`; or a mapping of splits to datasets,
            such as a `DatasetDict` of Hugging Face.

    Raises:
        UserError: it is none of these, or has no training examples.
    """
    if isinstance(given, Mapping):
        return _of_mapping(given)
    if hasattr(given, "setup") and hasattr(given, "train_dataloader"):
        return _of_module(given)
    return {"train": _of_dataset(given, "data.dataset")}


def _of_mapping(given: Mapping[str, Any]) -> dict[str, Source]:
    found = {OTHER_NAMES.get(str(key), str(key)): value for key, value in given.items()}
    if "train" not in found or found.keys() - set(SPLITS):
        raise UserError(
            f"data.dataset has the sets {', '.join(map(str, given)) or 'none'}: name them train, "
            "val and test, of which val and test may be left out"
        )
    return {key: _of_dataset(value, f"data.dataset.{key}") for key, value in found.items()}


def _of_dataset(given: Any, key: str) -> Source:
    if isinstance(given, str | type) or given is None:
        raise UserError(f"{key} is {given!r}, and no Dataset: {WAY_OUT}")
    from torch.utils.data import IterableDataset

    what, in_a_row = type(given).__name__, isinstance(given, IterableDataset)
    if in_a_row or not hasattr(given, "__getitem__") or not _has_length(given, key):
        if in_a_row or hasattr(given, "__iter__"):
            raise UserError(
                f"{key}: {what} gives examples one after the other, and a run draws them in an "
                "order of its own: give it __len__ and __getitem__"
            )
        raise UserError(f"{key}: {what} is no Dataset, with __len__ and __getitem__: {WAY_OUT}")
    return Source(given)


def _has_length(given: Any, key: str) -> bool:
    """Whether a set has a length.

    Raises:
        UserError: its `__len__` fails.
    """
    if not hasattr(given, "__len__"):
        return False
    try:
        return len(given) >= 0
    except Exception as error:  # of the user's own code
        raise UserError(f"{key}: {type(given).__name__}.__len__: {cause(error)}") from error


def _of_module(module: Any) -> dict[str, Source]:
    """The sets behind the loaders of a `LightningDataModule`; of the loaders only the set and the
    function that makes batches count."""
    name = type(module).__name__
    for hook in BATCH_HOOKS:
        if _is_own(module, hook):
            raise UserError(
                f"data.dataset: {name} has {hook}, which is not called here: do it in its Dataset, "
                "or in collate_fn"
            )
    _call(module, "prepare_data")
    _call(module, "setup", "fit")
    if _is_own(module, "test_dataloader"):
        _call(module, "setup", "test")
    found = {}
    for split in SPLITS:
        hook = f"{split}_dataloader"
        if split == "train" or _is_own(module, hook):
            found[split] = _of_loader(_call(module, hook), f"data.dataset: {name}.{hook}")
    return found


def _is_own(module: Any, hook: str) -> bool:
    method = getattr(type(module), hook, None)
    return method is not None and not method.__module__.startswith(LIGHTNING)


def _call(module: Any, hook: str, *arguments: str) -> Any:
    try:
        return getattr(module, hook)(*arguments)
    except Exception as error:  # of the user's own code
        raise UserError(f"data.dataset: {type(module).__name__}.{hook}: {cause(error)}") from error


def _of_loader(loader: Any, whose: str) -> Source:
    from torch.utils.data import DataLoader, default_collate

    if isinstance(loader, list | tuple) and len(loader) == 1:
        (loader,) = loader
    if not isinstance(loader, DataLoader):
        raise UserError(f"{whose} gives {type(loader).__name__}: return one DataLoader")
    source = _of_dataset(loader.dataset, whose)
    own = loader.collate_fn is not default_collate
    return Source(source.set, loader.collate_fn if own else None)
