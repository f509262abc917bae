"""Clipping the gradient of a step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from betafront.training.recipe.trainer import Trainer


@dataclass(frozen=True)
class Clip:
    """Keeps a gradient small, in one of two ways.

    Attributes:
        norm: the greatest norm of the gradient of all parameters together; None for any.
        value: the greatest absolute value of an element; None for any.
    """

    norm: float | None = None
    value: float | None = None

    @classmethod
    def of(cls, trainer: Trainer) -> "Clip | None":
        """As the settings say; None where a gradient is left as it is."""
        found = cls(trainer.clip_norm, trainer.clip_value)
        return None if found == cls() else found

    def __call__(self, parameters: Iterable[Tensor]) -> None:
        """Clip the gradients of these parameters."""
        if self.norm is not None:
            clip_grad_norm_(parameters, self.norm)
        elif self.value is not None:
            clip_grad_value_(parameters, self.value)

    @torch.no_grad()
    def of_runs(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """The clipped gradients of k runs, each by itself.

        Args:
            gradients: (k, ...) of each parameter; two of them may be one tensor.
        """
        if self.norm is not None:
            norm = torch.linalg.vector_norm
            parts = [norm(each.reshape(len(each), -1), dim=1) for each in gradients]
            whole = norm(torch.stack(parts), dim=0)
            factor = (self.norm / (whole + 1e-6)).clamp(max=1.0)  # as `clip_grad_norm_`
            return [each * factor.view(-1, *(1,) * (each.ndim - 1)) for each in gradients]
        if self.value is not None:
            return [each.clamp(-self.value, self.value) for each in gradients]
        return gradients
