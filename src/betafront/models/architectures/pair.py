"""A VAE of two modules of the user's own: an encoder and a decoder."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from torch import nn

from betafront.errors import UserError
from betafront.models.architectures.latents import Latents, count, latent_shape
from betafront.models.model import Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood

Part = nn.Module | Callable[[], nn.Module]
"""A module, which each model has a copy of, or what makes one when it is called."""


def pair(
    shape: Shape, likelihood: Likelihood, encoder: Part, decoder: Part, latents: Latents = 8
) -> VAE:
    """A VAE of any two modules.

    An encoder to go by::

        class Encoder(nn.Module):  # (B, C, H, W) -> (B, 2 * latents), or (means, log variances)
            def __init__(self, latents: int):
                super().__init__()
                self.layers = nn.Sequential(
                    nn.Flatten(), nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, 2 * latents)
                )

            def forward(self, x):
                return self.layers(x)

    Layers may be lazy. What the two take and give is checked on two examples of the data before
    anything is trained (`betafront.models.check_model`).

    Args:
        shape: of one example.
        likelihood: p(x|z); its `output_shape(shape)` is what the decoder gives of one example.
        encoder: (B, *shape) to (B, 2M), or to a pair of (B, M), means and log variances.
        decoder: (B, M) to (B, *likelihood.output_shape(shape)), raw parameters: without a sigmoid
            for likelihoods that take logits.
        latents: M; or [C, h, w] of a spatial code, for an encoder to (B, 2C, h, w) and a decoder
            from (B, C, h, w).

    Raises:
        UserError: one of the two is no module, and makes none.
    """
    code = latent_shape(latents)
    copied: dict[int, Any] = {}  # what the two share, as tied weights, their copies share too
    parts = _module(encoder, "encoder", copied), _module(decoder, "decoder", copied)
    return VAE(*parts, likelihood, count(code), code)


def _module(part: Any, name: str, copied: dict[int, Any]) -> nn.Module:
    """The module that a model has for its own."""
    if isinstance(part, nn.Module):
        return deepcopy(part, copied)
    if not callable(part):
        raise UserError(
            f"model.{name} is no torch.nn.Module, but {part!r}: name one, as in "
            f"model.{name}._target_=mymodule.MyModule"
        )
    made = part()
    if not isinstance(made, nn.Module):
        raise UserError(
            f"model.{name}: what it names has returned an object of type {type(made).__name__}, "
            "and no torch.nn.Module"
        )
    return made
