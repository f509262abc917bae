"""What to be careful with in a model that can be trained."""

import re
from typing import Any

import torch

from betafront.models.eval_mode import evaluating
from betafront.models.model import Model
from betafront.models.vae import VAE

# Names of autograd's nodes: what changes the shape or the type of a tensor and none of its values,
# and what squashes them.
RESHAPING = {
    "View", "ReshapeAlias", "UnsafeView", "Unflatten", "Squeeze", "Unsqueeze", "Permute",
    "Transpose", "T", "Clone", "ToCopy", "Alias",
}  # fmt: skip
SQUASHING = {"Sigmoid": "sigmoid", "Hardsigmoid": "sigmoid", "Softmax": "softmax", "Tanh": "tanh"}


@torch.enable_grad()
def model_cautions(model: Model) -> list[str]:
    """What of a model's structure will make its results worse, or less sure, than they could be, a
    sentence each.

    Named are a rate that is sampled; and a decoder that ends in a sigmoid, a softmax or a tanh
    where the likelihood takes any number and makes the mean of it itself.

    Args:
        model: untrained; on the CPU.
    """
    return [*_sampled_rate(model), *_squashed_twice(model)]


def _sampled_rate(model: Model) -> list[str]:
    if model.analytic_rate:
        return []
    return [
        "The rate R is sampled, since this model has no closed form for it: a mean over draws of "
        "z, with their error. An evaluation takes metrics.samples draws of each example."
    ]


def _squashed_twice(model: Model) -> list[str]:
    if not isinstance(model, VAE) or type(model).observe is not VAE.observe:
        return []
    likelihood = model.likelihood
    with evaluating(model):  # so that nothing of these codes is kept
        params = model.decoder(model.shaped(model.prior(2, torch.Generator().manual_seed(0))))
    end = _end(params.grad_fn)
    if not end or likelihood.outputs != 1 or likelihood.mean(params).equal(params):
        return []
    return [
        f"The decoder ({type(model.decoder).__name__}) ends in a {end}, and "
        f"{type(likelihood).__name__} takes any number and makes the mean of it itself: the mean "
        f"is squashed twice, and cannot reach all of its values. Leave the {end} out."
    ]


def _end(node: Any) -> str:
    """What the last operation squashes values with; empty where it does not."""
    while node is not None:
        name = re.sub(r"Backward\d*$", "", node.name())
        if name not in RESHAPING:
            return SQUASHING.get(name, "")
        (node, _), *_ = node.next_functions
    return ""
