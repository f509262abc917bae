"""A hierarchy of latents: what generates, whatever infers."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from betafront.models.posterior import Posterior, standard_normal
from betafront.models.vae import VAE
from betafront.objective import Draw, Likelihood


class Lowest(nn.Module):
    """The lowest layer of (n, M) codes, which alone the decoder sees.

    Args:
        width: of that layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, z: Tensor) -> Tensor:
        return z[:, : self.width]


class Hierarchy(VAE):
    """`p(z) = p(z_L) p(z_{L-1}|z_L) … p(z_1|z_2)` and `p(x|z_1)`, p(z_L) being N(0, 1) and each of
    the others a diagonal Gaussian whose mean and variance the layer above decides. The columns of z
    are z_1, the layer next to x, then z_2 and so on.

    A subclass infers: it gives `draw` and `means` of what its encoder gives.

    Args:
        widths: latents of each layer, bottom to top.
        encoder: from (B, …) to what `draw` and `means` take.
        priors: from z_{i+1} to p(z_i|z_{i+1}), a `Posterior`, for i from 1 to L - 1.
        decoder: from (B, widths[0]) to `likelihood.output_shape(…)` of each example.
        likelihood: p(x|z_1).
    """

    def __init__(
        self,
        widths: Sequence[int],
        encoder: nn.Module,
        priors: Sequence[nn.Module],
        decoder: nn.Module,
        likelihood: Likelihood,
    ) -> None:
        super().__init__(encoder, nn.Sequential(Lowest(widths[0]), decoder), likelihood, widths)
        self.priors = nn.ModuleList(priors)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x)

    @abstractmethod
    def draw(
        self,
        encoded: Any,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw: ...

    @abstractmethod
    def means(self, encoded: Any) -> Tensor:
        """(B, M) the mean of each layer's q given the means of those that it is drawn from."""

    def prior(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        z = [standard_normal((n, self.widths[-1]), noise, self.own_tensor())]
        for conditional in reversed(self.priors):
            z.insert(0, conditional(z[0]).sample(noise))
        return torch.cat(z, 1)

    def moved(self, z: Tensor, latents: Sequence[int], by: Tensor) -> Tensor:
        """As of any model: by standard deviations of p(z_i|z_{i+1}), and the layers below have the
        means that this gives them."""
        return torch.stack([self._moved(z, latent, by) for latent in latents])

    def _moved(self, z: Tensor, latent: int, by: Tensor) -> Tensor:
        layers = list(z.split(self.widths, 1))
        layer, column = 0, latent
        while column >= self.widths[layer]:
            column -= self.widths[layer]
            layer += 1
        prior = self.prior_of(layer, layers)
        layers[layer] = layers[layer].clone()
        layers[layer][:, column] = prior.at(by[:, None].expand_as(prior.mean))[:, column]
        for below in reversed(range(layer)):
            layers[below] = self.prior_of(below, layers).mean
        return torch.cat(layers, 1)

    def prior_of(self, layer: int, z: Sequence[Tensor]) -> Posterior:
        """p(z_i|z_{i+1}) of (n, …) codes in layers; N(0, 1) of the uppermost.

        Args:
            layer: i, from 0.
            z: the layers, of which the one above is read.
        """
        if layer < len(self.priors):
            above: Posterior = self.priors[layer](z[layer + 1])
            return above
        return standard(z[layer])


def standard(like: Tensor) -> Posterior:
    """N(0, 1) of the shape of a tensor."""
    return Posterior(torch.zeros_like(like), torch.zeros_like(like))


def log_ratio_of(q: Posterior, p: Posterior, normal: Tensor) -> Tensor:
    """(B, M) float64 log p(z_j) - log q(z_j) of the z that draws of N(0, 1) became, in nats.

    Args:
        q: that z was drawn from.
        p: the other.
        normal: (B, M) the draws.
    """
    q, p, normal = q.double(), p.double(), normal.double()
    squares = (q.at(normal) - p.mean) ** 2 * torch.exp(-p.log_var)
    return 0.5 * (normal**2 + q.log_var - squares - p.log_var)
