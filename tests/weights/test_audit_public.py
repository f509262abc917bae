"""The audit of losses as public repositories have them: the family, over what it is reduced, and the
canonical β, each derived by hand in the comment beside it."""

from typing import Any

import pytest

from betafront.weights.audit import audit

from . import public_losses as losses

EXACT = 1e-6  # the epsilons inside their logarithms

# Loss, shape, latents, β, name of the family, reductions of the reconstruction
KNOWN: dict[str, tuple[Any, tuple[int, ...], Any, float, str, dict[str, str]]] = {
    # Both are sums over an example, averaged over the batch; the ln b makes |e|/b a density.
    "latent diffusion": (
        losses.LatentDiffusion(), (3, 4, 4), (4, 2, 2), 1e-6, "Laplace with a learned b",
        {"batch": "mean", "pixels": "sum"},
    ),
}
