"""The VampPrior: a mixture of the model's own posteriors of inputs that are learned."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.eval_mode import evaluating
from betafront.models.priors.mixture import Mixture
from betafront.models.priors.prior import Prior

if TYPE_CHECKING:
    from betafront.models.model import Shape
    from betafront.models.vae import VAE


class VampPrior(Prior):
    """`p(z) = 1/K Σ_k q(z|u_k)`, in which the pseudo-inputs u_k are learned and q is the model's
    own encoder.

    The mixture is the one that the encoder gives in evaluation mode, so that p(z) is one density,
    and statistics of a batch are those of examples alone. The pseudo-inputs start at training
    examples, and stay between the least and the greatest value that these have in the same channel
    (of an image or a signal; the same column of a table), as in the paper in [0, 1].

    Args:
        model: whose p(z) it is.
        shape: of one example.
        components: K.

    Attributes:
        pseudo_inputs: (K, *shape).
        low, high: (C, 1, …) their bounds, for each channel.

    Source: Tomczak & Welling 2018, VAE with a VampPrior.
    """

    low: Tensor
    high: Tensor
    _model: "VAE"

    def __init__(self, model: "VAE", shape: "Shape", components: int = 500) -> None:
        super().__init__()
        if isinstance(components, bool) or not isinstance(components, int) or components < 1:
            raise UserError(
                f"prior.components must be a whole number of at least 1, not {components}"
            )
        self.pseudo_inputs = nn.Parameter(torch.zeros(components, *shape))
        bounds = torch.full((shape[0], *(1 for _ in shape[1:])), math.inf)
        self.register_buffer("low", -bounds)
        self.register_buffer("high", bounds)
        # Not as a module: this one is a part of the model, and owns none of its weights.
        object.__setattr__(self, "_model", model)

    @property
    def density(self) -> Mixture:
        """p(z) as it is now."""
        with evaluating(self._model):
            return Mixture(self._model.encode(self.pseudo_inputs))

    def log_prob(self, z: Tensor) -> Tensor:
        return self.density.log_prob(z)

    def sample(self, n: int, noise: torch.Generator | None, like: Tensor) -> Tensor:
        return self.density.sample(n, noise)

    def shares(self, z: Tensor) -> Tensor:
        return self.density.shares(z)

    @torch.no_grad()
    def start_from(self, drawn: Callable[[int], Tensor]) -> None:
        x, components = drawn(len(self.pseudo_inputs)), len(self.pseudo_inputs)
        if not x.is_floating_point():
            raise UserError(
                "prior: the pseudo-inputs of a VampPrior are learned by gradient, and the examples "
                "of this data are symbols, which have none: choose prior=gaussian"
            )
        if len(x) < components:
            raise UserError(
                f"prior.components={components} pseudo-inputs start at as many training "
                f"examples, and there are {len(x)}: take prior.components={len(x)} or fewer"
            )
        self.pseudo_inputs.copy_(x)
        within = [dim for dim in range(x.ndim) if dim != 1]
        self.low.copy_(x.amin(within, keepdim=True)[0])
        self.high.copy_(x.amax(within, keepdim=True)[0])

    @torch.no_grad()
    def after_step(self) -> None:
        self.pseudo_inputs.clamp_(self.low, self.high)
