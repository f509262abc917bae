"""Batch normalisation whose running statistics are kept after the step, not in the forward pass."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from betafront.errors import UserError
from betafront.models.batch_statistics import LearnsFromBatches
from betafront.objective.likelihoods.base import raised


class BatchNorm(LearnsFromBatches):
    """Batch normalisation of (B, features), with a learned scale and shift.

    In training mode each feature has mean 0 and variance 1 over the batch; in evaluation mode the
    means and variances are running means over the optimiser steps. `torch.nn.BatchNorm1d` moves
    these in its forward pass, and so once for each batch of an accumulated gradient, once for each
    call of an optimiser such as L-BFGS, and in each process by its own part of a batch.

    Args:
        features: of the layer before.
        momentum: the part of the running means that a step replaces; of the first steps more, so
            that they start at the mean of these.
        eps: added to the variances.

    Source: Ioffe & Szegedy 2015.
    """

    def __init__(self, features: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(features))
        self.shift = nn.Parameter(torch.zeros(features))
        self.mean: Tensor
        self.variance: Tensor
        self.steps: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        full = raised(x)
        scale, shift = self.scale.to(full.dtype), self.shift.to(full.dtype)
        if not self.training:
            mean, variance = self.mean.to(full.dtype), self.variance.to(full.dtype)
            made = functional.batch_norm(full, mean, variance, scale, shift, eps=self.eps)
            return made.to(x.dtype)
        check_batch_norm(len(x))
        with torch.no_grad():
            self.hand_over(torch.cat([full.mean(0), full.var(0)]))
        made = functional.batch_norm(full, None, None, scale, shift, training=True, eps=self.eps)
        return made.to(x.dtype)

    @property
    def kept(self) -> Tensor:
        return torch.cat([self.mean, self.variance])

    @torch.no_grad()
    def remember(self, statistic: Tensor) -> None:
        part = (1 / (self.steps + 1)).clamp(min=self.momentum)
        mean, variance = statistic.to(self.mean).chunk(2)
        self.mean = torch.lerp(self.mean, mean, part)
        self.variance = torch.lerp(self.variance, variance, part)
        self.steps = self.steps + 1


def normalises_batches(model: nn.Module) -> bool:
    """Whether a model has batch normalisation of this kind."""
    return any(isinstance(module, BatchNorm) for module in model.modules())


def check_batch_norm(size: int) -> None:
    """Refuse a batch that cannot be normalised.

    Raises:
        UserError: it has one example.
    """
    if size < 2:
        raise UserError(
            "batch normalisation compares the examples of a batch: trainer.batch_size must be at "
            "least 2, or model.batch_norm=false"
        )
