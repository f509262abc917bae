"""What a new example goes through before a trained model sees it, without the data set itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.errors import UserError


@dataclass(frozen=True)
class Preparation:
    """Examples are taken as they are, as 32-bit numbers, where their shape is right.

    Data whose examples need more has a subclass with a `kind` of its own, which
    `betafront.trained` reads back.

    Attributes:
        shape: of one example, as the model takes it.
    """

    kind: ClassVar[str] = "numbers"
    """The name of the class in an exported model."""

    shape: tuple[int, ...]

    @property
    def symbols(self) -> int | None:
        """As `Data.symbols`."""
        return None

    def __call__(self, examples: ArrayLike | Tensor) -> Tensor:
        """`(n, *shape)` float32, as the model was trained on them.

        Raises:
            UserError: the examples have another shape, or are not finite numbers.
        """
        x = as_tensor(examples)
        if x.is_complex():
            raise UserError("the data holds complex numbers, and a model takes real ones")
        x = x.float()
        if x.shape[1:] != self.shape:
            raise UserError(
                f"the model is for examples of the shape {self.shape}, and these are "
                f"{tuple(x.shape[1:])}: give (n, {', '.join(map(str, self.shape))})"
            )
        refuse_not_finite(x, "the data", "example")
        return x

    def back(self, made: Tensor) -> Any:
        """What a model made, `(n, *shape)`, in the units of the examples; of sentences a list of
        n."""
        return made

    def as_json(self) -> dict[str, Any]:
        """The preparation as an exported model has it."""
        kept = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"kind": self.kind, **kept}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        """The preparation that `as_json` wrote."""
        settings = {k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()}
        settings.pop("kind", None)
        return cls(**settings)


def as_tensor(examples: ArrayLike | Tensor, whose: str = "the data") -> Tensor:
    """Examples of any array type as a tensor.

    Raises:
        UserError: naming `whose` data it is; they are no numbers, or rows of unequal lengths.
    """
    if isinstance(examples, Tensor):
        return examples
    try:
        array = np.asarray(examples)
    except ValueError as error:
        raise UserError(f"{whose} has examples of several shapes: give all the same one") from error
    if array.dtype.kind not in "biufc":  # truth values and numbers
        kind = "a table of named columns" if array.dtype.names else f"values of type {array.dtype}"
        raise UserError(f"{whose} holds {kind}: give one array of numbers")
    if array.dtype.itemsize > 8 and array.dtype.kind == "f":
        array = array.astype(np.float64)  # of more bits torch has none
    array = array.astype(array.dtype.newbyteorder("="), copy=False)  # and of one byte order
    return torch.as_tensor(np.ascontiguousarray(array))


def refuse_not_finite(x: Tensor, whose: str, what: str) -> None:
    """Refuse `(n, ...)` floating-point examples with NaN or infinity.

    Raises:
        UserError: naming `whose` data it is, and the first such example, which is called `what`.
    """
    bad = ~torch.isfinite(x).flatten(1).all(1)
    if bad.any():
        raise UserError(
            f"{whose} has NaN or infinity in {int(bad.sum())} of {len(x)} {what}s, first in {what} "
            f"{int(bad.nonzero()[0])}: mend or drop them"
        )
