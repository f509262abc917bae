"""What of a user's item is the example, and what its label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.new_examples import as_tensor
from betafront.errors import UserError, near_miss

Key = str | int

MOST_FACTORS = 64  # numbers beside an example that are taken as its factors


@dataclass(frozen=True)
class Fields:
    """Where the example and its label are in an item: a pair is (example, label), anything else but
    a dictionary is the example alone.

    Attributes:
        field: the key or the place of the example; None for the first of a pair.
        label: the key or the place of the label; None for the second of a pair, where that is a
            class or several.
    """

    field: Key | None = None
    label: Key | None = None

    def example(self, item: Any) -> Tensor:
        """The example of an item, or those of a batch, as it was given.

        Raises:
            UserError: it is not clear which part of the item is the example, or that is no array.
        """
        found = item
        if isinstance(item, Mapping) or self.field is not None:
            found = self._part(item, self.field, "field")
        elif is_pair(item):
            found = item[0]
        try:
            x = as_array(found)
        except UserError as error:
            raise UserError(f"{error}{self._way_out(item)}") from error
        if x.ndim == 0:
            raise UserError(
                f"data.dataset gives {described(item)}, of which {described(found)} is taken as "
                f"the example: it has to be an array{self._way_out(item)}"
            )
        return x

    def factors(self, item: Any) -> list[Any] | None:
        """The label, or the factors, of an item; None where it has none."""
        if self.label is not None:
            values = np.asarray(_plain(self._part(item, self.label, "label")))
            if values.ndim > 1 or values.size > MOST_FACTORS:
                raise UserError(
                    f"data.label={self.label} is an array of {list(values.shape)}: a label is one "
                    f"value, or up to {MOST_FACTORS}"
                )
            return list(values.reshape(-1).tolist())
        if self.field is not None or not is_pair(item) or len(item) < 2:
            return None
        values = np.asarray(_plain(item[1]))
        is_class = values.dtype.kind in "biuU" and values.ndim <= 1
        return values.reshape(-1).tolist() if is_class and values.size <= MOST_FACTORS else None

    def _part(self, item: Any, key: Key | None, setting: str) -> Any:
        if isinstance(item, Mapping):
            known = [str(name) for name in item]
            if key is None:
                raise UserError(
                    f"data.dataset gives dictionaries of {', '.join(known)}: say which one is the "
                    f"example, data.field={known[0] if known else '…'}, and data.label=… where one "
                    "is its class"
                )
            if key not in item:
                raise UserError(
                    f"data.{setting}={key}: the items of data.dataset have no '{key}': "
                    f"{near_miss(str(key), known)}"
                )
            return item[key]
        if not isinstance(item, Sequence) or not isinstance(key, int) or key >= len(item):
            raise UserError(
                f"data.{setting}={key}: data.dataset gives {described(item)}, which has no such "
                "part: leave it out, or give the place of a part, from 0"
            )
        return item[key]

    def _way_out(self, item: Any) -> str:
        if isinstance(item, Mapping):
            return f": name another of {', '.join(map(str, item))} with data.field"
        if is_pair(item):
            places = [i for i, part in enumerate(item) if _is_array(part)]
            if places:
                return f": data.field={places[0]} takes {described(item[places[0]])}"
        return ": return the example, or (example, label), as tensors or arrays"


def is_pair(item: Any) -> bool:
    """Whether an item has parts: a tuple, or a list that is not itself a row of numbers."""
    if isinstance(item, tuple):
        return len(item) > 0
    return isinstance(item, list) and any(not isinstance(part, Number | list) for part in item)


def as_array(found: Any) -> Tensor:
    """A tensor, an array, a picture of Pillow or a list of numbers as a tensor.

    Raises:
        UserError: it is something else.
    """
    if isinstance(found, Tensor):
        return found
    if isinstance(found, Number | np.generic):
        return torch.tensor(found)
    if hasattr(found, "getbands"):  # a picture
        found = (
            found.convert("RGB") if found.mode in ("P", "PA") else found
        )  # no numbers of colours
        found = np.array(found)  # a copy, which torch may write
    if isinstance(found, str | bytes) or found is None or isinstance(found, Mapping):
        raise UserError(f"data.dataset: an example is {described(found)}, and no array of numbers")
    return as_tensor(found, "data.dataset")


def described(found: Any) -> str:
    """What a part of an item is, in words."""
    if isinstance(found, tuple | list) and is_pair(found):
        return f"({', '.join(described(part) for part in found)})"
    if isinstance(found, Tensor | np.ndarray) and found.ndim:
        return f"an array of {list(found.shape)}"
    if isinstance(found, Tensor | np.generic | np.ndarray):
        return f"the number {found.item()}"
    if hasattr(found, "getbands"):
        return "a picture"
    if isinstance(found, Mapping):
        return f"a dictionary of {', '.join(map(str, found))}"
    return f"{type(found).__name__} {found!r}"[:40] if found is not None else "None"


def _is_array(part: Any) -> bool:
    return hasattr(part, "getbands") or (isinstance(part, Tensor | np.ndarray) and part.ndim > 0)


def _plain(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
