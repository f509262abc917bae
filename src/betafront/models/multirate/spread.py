"""One scale of a likelihood that depends on β, in the place of one that is learned."""

import math

import torch
from torch import Tensor, nn

from betafront.models.multirate.conditioning import Conditioning
from betafront.objective.likelihoods.spread import Spread, soft_floor


class SpreadOfBeta(Spread):
    """The logarithm of a scale as a learned function of β. It takes the place of an optimal scale
    too: the mean error of a batch is of many β, and the optimum at each is what a learned scale
    comes to.

    Args:
        of: the scale of the model that is conditioned, learned or optimal.
        conditioning: the β of a pass.
        dims: of a batch of examples.
    """

    def __init__(self, of: Spread, conditioning: Conditioning, dims: int) -> None:
        start = math.exp(of.log().item()) if not of.unset and of.mode == "learned" else None
        super().__init__("scale", start, "learned", of.power, of.momentum, of.floor)
        self.takes_place_of = of.mode
        self.conditioning = conditioning
        self.dims = dims
        self.made = nn.Linear(conditioning.size, 1, bias=False)
        nn.init.zeros_(self.made.weight)

    def log(self, powers: Tensor | None = None) -> Tensor:
        """(n, 1, …) the log scale of each example, where each has a β of its own, else ()."""
        raw = self._raw(self.conditioning(self.raw_log[None][:0]))
        raw = raw.squeeze() if len(raw) == 1 else raw.view(-1, *[1] * (self.dims - 1))
        return soft_floor(raw, self.floor)

    def _raw(self, features: Tensor) -> Tensor:
        """(n, 1) before the floor, of (n, size) features."""
        made: Tensor = self.raw_log + self.made(features)
        return made

    @torch.no_grad()
    def at(self, features: Tensor) -> Spread:
        """The scale at a β: one of the kind whose place this takes.

        Args:
            features: (1, size) what stands for the β.
        """
        found = Spread("scale", None, self.takes_place_of, self.power, self.momentum, self.floor)
        found.to(features.device).set(torch.exp(self.power * self._raw(features).squeeze()))
        return found.train(self.training)
