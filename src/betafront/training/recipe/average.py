"""The exponential moving average of a model's weights (Polyak & Juditsky 1992)."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from betafront.models import Model


class Average(nn.Module):
    """A model whose weights are the average over the steps of another one that is trained.

    Early on a step keeps less than `decay` of the average, (1 + s) / (10 + s) after s steps, so
    that a run of few steps is not the average of its initial weights. Buffers (the scale of an
    optimal likelihood, the statistics of batch normalisation) are those of the trained model: most
    are running means themselves.

    Args:
        model: that is trained, as it is before the first step.
        decay: the part of the average that a step keeps.

    Attributes:
        model: the averaged one.
    """

    def __init__(self, model: Model, decay: float) -> None:
        super().__init__()
        self.model = deepcopy(model).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def add(self, model: Model, step: int) -> None:
        """Move the average towards the weights after a step.

        Args:
            model: that is trained.
            step: steps that were taken before this one.
        """
        kept = min(self.decay, (1 + step) / (10 + step))
        mine: list[Tensor] = list(self.model.parameters())
        theirs: list[Tensor] = list(model.parameters())
        if mine:
            torch._foreach_lerp_(mine, theirs, 1 - kept)
        for own, other in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(other)
