"""The layers that a hierarchy is made of: fully connected ones, and those to a Gaussian."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from betafront.models.batch_norm import BatchNorm
from betafront.models.posterior import Posterior
from betafront.objective.likelihoods.base import raised

DEPTH = 2  # fully connected layers between two stochastic ones
SLOPE = 0.1  # of the leaky rectifier below 0
LEAST_VARIANCE = 1e-6  # of a conditional Gaussian, whose log variance must stay finite


def hidden_layers(into: int, width: int, batch_norm: bool) -> list[nn.Module]:
    """`DEPTH` fully connected layers of `width` units with leaky rectifiers.

    Their weights begin at a scale that rectifiers keep (He et al. 2015). With torch's own, features
    would be some thousand times smaller after ten layers, and a deep hierarchy without batch
    normalisation would not train.

    Args:
        into: features before them.
        width: units of each.
        batch_norm: whether each is normalised before its rectifier.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise([into, *[width] * DEPTH]):
        linear = nn.Linear(before, after, bias=not batch_norm)  # else its shift is the bias
        nn.init.kaiming_uniform_(linear.weight, a=SLOPE)
        layers += [linear, BatchNorm(after)] if batch_norm else [linear]
        layers += [nn.LeakyReLU(SLOPE)]
    return layers


class ToGaussian(nn.Module):
    """From (B, features) to a Gaussian of (B, latents): its mean is linear, its variance the
    softplus of what is linear.

    Args:
        features: in.
        latents: out.
    """

    def __init__(self, features: int, latents: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * latents)

    def forward(self, features: Tensor) -> Posterior:
        mean, raw = raised(self.linear(features)).chunk(2, dim=1)
        found = Posterior(mean, torch.log(softplus(raw) + LEAST_VARIANCE))
        return found.to(self.linear.weight.dtype)  # which the layers that z goes into have


def gaussian(into: int, width: int, latents: int, batch_norm: bool) -> nn.Sequential:
    """Fully connected layers from (B, into) to a Gaussian of (B, latents)."""
    return nn.Sequential(*hidden_layers(into, width, batch_norm), ToGaussian(width, latents))
