"""The two hierarchies of fully connected layers that a user may choose."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from betafront.errors import UserError
from betafront.models.architectures.numbers import check_numbers
from betafront.models.hierarchy.bottom_up import BottomUp
from betafront.models.hierarchy.layers import ToGaussian, gaussian, hidden_layers
from betafront.models.hierarchy.top_down import Ladder, Rungs
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood

Widths = Sequence[int]


def ladder(
    shape: Shape,
    likelihood: Likelihood,
    latents: Widths = (16, 8),
    hidden: Widths = (128, 64),
    batch_norm: bool = True,
) -> VAE:
    """A Ladder VAE of fully connected layers (Sønderby et al. 2016).

    Between x and z_1, and between each layer and the next, on the way up and on the way down, there
    are two fully connected layers with leaky rectifiers.

    Args:
        shape: of one example, any.
        likelihood: p(x|z).
        latents: of each layer, bottom to top.
        hidden: units of the fully connected layers below each layer, bottom to top.
        batch_norm: whether each of these is normalised by batch.

    Raises:
        UserError: the two lists do not describe layers, or the data is sentences.
    """
    check_numbers("ladder", likelihood)
    _check(latents, hidden, batch_norm)
    features = [math.prod(shape), *hidden]
    steps = [nn.Sequential(*hidden_layers(a, b, batch_norm)) for a, b in pairwise(features)]
    steps[0] = nn.Sequential(*likelihood.input_layers(), nn.Flatten(), *steps[0])
    gaussians = [ToGaussian(h, m) for h, m in zip(hidden, latents, strict=True)]
    up = Rungs(steps, gaussians)
    down = _priors(latents, hidden, batch_norm)
    return Ladder(
        latents, up, down, _decoder(shape, likelihood, latents, hidden, batch_norm), likelihood
    )


def hierarchical(
    shape: Shape,
    likelihood: Likelihood,
    latents: Widths = (16, 8),
    hidden: Widths = (128, 64),
    batch_norm: bool = True,
) -> VAE:
    """A plain VAE of several layers: the generative model of `ladder`, with inference up from x.

    Args:
        shape, likelihood, latents, hidden, batch_norm: as in `ladder`.

    Raises:
        UserError: the two lists do not describe layers, or the data is sentences.
    """
    check_numbers("hierarchical", likelihood)
    _check(latents, hidden, batch_norm)
    features = [math.prod(shape), *latents]
    first, *posteriors = [
        gaussian(below, width, layer, batch_norm)
        for below, width, layer in zip(features, hidden, latents, strict=False)
    ]
    encoder = nn.Sequential(*likelihood.input_layers(), nn.Flatten(), *first)
    down = _priors(latents, hidden, batch_norm)
    decoder = _decoder(shape, likelihood, latents, hidden, batch_norm)
    return BottomUp(latents, encoder, posteriors, down, decoder, likelihood)


def _priors(latents: Widths, hidden: Widths, batch_norm: bool) -> list[nn.Module]:
    """From each layer to the Gaussian of the one below."""
    return [
        gaussian(above, width, below, batch_norm)
        for (below, above), width in zip(pairwise(latents), hidden[1:], strict=True)
    ]


def _decoder(
    shape: Shape, likelihood: Likelihood, latents: Widths, hidden: Widths, batch_norm: bool
) -> nn.Sequential:
    """From the lowest layer to the parameters of the likelihood."""
    output = likelihood.output_shape(shape)
    return nn.Sequential(
        *hidden_layers(latents[0], hidden[0], batch_norm),
        nn.Linear(hidden[0], math.prod(output)),
        nn.Unflatten(1, output),
    )


def _check(latents: Widths, hidden: Widths, batch_norm: bool) -> None:
    for key, widths in (("latents", latents), ("hidden", hidden)):
        listed = isinstance(widths, Sequence) and not isinstance(widths, str)
        if not listed or not widths or not all(type(w) is int and w > 0 for w in widths):
            raise UserError(
                f"model.{key} is a list with a whole number of at least 1 for each layer, bottom "
                f"to top, as [16,8], not {widths!r}"
            )
    if len(latents) != len(hidden):
        raise UserError(
            f"model.latents={list(latents)} has {len(latents)} layers, and model.hidden="
            f"{list(hidden)} units for {len(hidden)}: give one number for each layer in both"
        )
    if not isinstance(batch_norm, bool):
        raise UserError(f"model.batch_norm is true or false, not {batch_norm!r}")
