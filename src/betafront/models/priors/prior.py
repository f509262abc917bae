"""The contract of a prior: all that a `VAE` asks of its p(z)."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from betafront.models.posterior import Posterior


class Prior(nn.Module, ABC):
    """p(z) of a `betafront.models.VAE`, whose methods ask it for all that they say of p(z).

    A prior of one's own gives `log_prob` and `sample`, and `kl` where the KL has a closed form;
    else the rate is sampled: log q(z|x) - log p(z) of each draw. A configuration names what makes
    it of the model and the shape of one example (`betafront.models.model.MakePrior`): a subclass
    whose `__init__` takes the two, say, as `_target_` in `conf/prior/mine.yaml`, with
    `_partial_: true`.
    """

    @property
    def has_kl(self) -> bool:
        """Whether `kl` has a closed form."""
        return type(self).kl is not Prior.kl

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """(B,) log p(z) in nats of (B, M) codes."""

    @abstractmethod
    def sample(self, n: int, noise: torch.Generator | None, like: Tensor) -> Tensor:
        """(n, M) draws from p(z).

        Args:
            n: how many.
            noise: where the noise comes from; None is the global generator of the device.
            like: a tensor of the model, which has the type and lies on the device of the draws.
        """

    def kl(self, posterior: Posterior) -> Tensor | None:
        """(B, M) KL(q(z_j|x) || p(z_j)) in nats; None of a prior that has no closed form for it."""
        return None

    def shares(self, z: Tensor) -> Tensor:
        """(B, M) shares of the latents in log p(z) of (B, M) codes, whose sum is `log_prob`: the
        rate of a latent is log q(z_j|x) less its share. Equal ones, unless a prior knows better."""
        return (self.log_prob(z) / z.shape[1]).unsqueeze(-1).expand_as(z)

    def start_from(self, drawn: Callable[[int], Tensor]) -> None:
        """Start from examples, as `betafront.models.Model.start_from`."""

    def after_step(self) -> None:
        """Bring what an optimiser step has moved back to where it may be."""
