"""Where the scalar is in the answer of a loss."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from betafront.errors import UserError
from betafront.weights.audit.sandbox import CannotTell

LOSS_KEYS = ("loss", "total", "total_loss")


def scalar(answer: Any, name: str) -> tuple[Tensor, str]:
    """The loss in the answer of a function: (the tensor, where it was in words)."""
    where = "the returned value"
    if isinstance(answer, Mapping):
        key = next((k for k in LOSS_KEYS if k in answer), None)
        if key is None:
            raise UserError(f"{name} returns a dict without {', '.join(LOSS_KEYS)}: wrap it")
        answer, where = answer[key], f"'{key}' of the returned dict"
    elif isinstance(answer, tuple | list) and answer:
        where = f"the first of {len(answer)} returned values"
        answer = answer[0]
    elif not isinstance(answer, Tensor) and isinstance(getattr(answer, "loss", None), Tensor):
        answer, where = answer.loss, "the returned object's loss"
    if isinstance(answer, int | float):
        raise CannotTell("it returns a plain number, which has no gradient (.item()?)")
    if not isinstance(answer, Tensor):
        raise UserError(f"{name} returns a {type(answer).__name__} and no scalar tensor")
    if answer.numel() != 1:
        raise UserError(
            f"{name} returns a tensor of shape {tuple(answer.shape)} and no scalar: reduce it"
        )
    return answer.reshape(()), where
