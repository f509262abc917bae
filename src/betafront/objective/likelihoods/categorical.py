"""The categorical: a free mass on each of k grey levels."""

from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.nn.functional import one_hot

from betafront.objective.likelihoods.base import Likelihood, mean_over
from betafront.objective.likelihoods.grid import grid


class Categorical(Likelihood):
    """`p(x|z) = softmax(decoder(z))`, k logits per data dimension; it knows no order of the levels
    (van den Oord et al. 2016).

    Args:
        levels: k.
        dequantized: whether the data is, as in `Grid`; the mass is that of the level in either
            case.

    Raises:
        UserError: the number of levels is not known, or cannot be.
    """

    density: ClassVar[bool] = False

    def __init__(self, levels: int | None, dequantized: bool = False) -> None:
        super().__init__()
        self.grid = grid("categorical", levels, dequantized)
        self.outputs = self.grid.levels

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        log_mass = self.unpack(params).log_softmax(1)
        level = self.grid.level(x)
        if len(log_mass) == 1:  # for all examples: k numbers per data dimension, looked up
            return log_mass[0].gather(0, level)
        return log_mass.gather(1, level.unsqueeze(1)).squeeze(1)

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """As of any likelihood: the mean over the levels, each as often as it is there."""
        shares = self.grid.shares(x)
        return lambda params: (shares * self.unpack(params).log_softmax(1)[0]).sum()

    def mean(self, params: Tensor) -> Tensor:
        mass = self.unpack(params).softmax(1)
        levels = torch.arange(self.outputs, dtype=mass.dtype, device=mass.device)
        return self.grid.value(torch.einsum("bk...,k->b...", mass, levels))

    def sample(self, params: Tensor) -> Tensor:
        logits = self.unpack(params).movedim(1, -1)
        level: Tensor = TorchCategorical(logits=logits, validate_args=False).sample()
        return self.grid.value(level.to(logits.dtype))

    def constant(self, batches: Iterable[Tensor]) -> Tensor:
        """The log of how often each level is there; of one that never is, near that of nothing."""
        often = mean_over(self._levels(x) for x in batches)
        return often.clamp(min=torch.finfo(torch.float32).tiny).log().flatten(1, 2).float()

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        """(B, 1, k·N): each logit is a dimension of its own."""
        return (self._levels(x) - self.unpack(params).softmax(1)).flatten(1)[:, None]

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        """The mass p of each level: the rest of diag(p) - p pᵀ is 0 on scores, whose sum is 0."""
        return self.unpack(params).softmax(1).flatten(1)[:, None]

    def _levels(self, x: Tensor) -> Tensor:
        """(B, k, C, …) 1 at the level of each value, 0 at the others."""
        return one_hot(self.grid.level(x), self.outputs).movedim(-1, 1).to(x.dtype)

    def check(self, x: Tensor) -> None:
        self.grid.check(x, "categorical")
