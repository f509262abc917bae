"""The points at which a loss is probed, and what is found there."""

from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor

TOLERANCE = 1e-4  # relative, of a gradient: wide enough for an epsilon inside a logarithm
PADDING = "padding"
SENTINELS = {"x of 0": 0.0, "x of −1": -1.0}
"""Values of x by which a loss may know that a value is missing."""
Reals = Literal["real", "unit", "positive"]
Spreads = Literal["real", "positive"]


@dataclass(frozen=True)
class Sizes:
    """B, the shape of the data, and that of the latents."""

    batch: int
    shape: tuple[int, ...]
    latent_shape: tuple[int, ...]

    @property
    def pixels(self) -> int:
        """The number of values of an example."""
        return prod(self.shape)

    @property
    def latents(self) -> int:
        """M, over all positions."""
        return prod(self.latent_shape)


@dataclass(frozen=True)
class Layout:
    """Whether x and the reconstruction are given as images or as rows of N values."""

    flat_x: bool
    flat_reconstruction: bool

    def __str__(self) -> str:
        words = {False: "an image", True: "flat"}
        if self.flat_x == self.flat_reconstruction:
            return "flat (B, N)" if self.flat_x else "images"
        return f"x as {words[self.flat_x]}, reconstruction {words[self.flat_reconstruction]} (B, N)"


LAYOUTS = (Layout(False, False), Layout(False, True), Layout(True, True))


@dataclass(frozen=True)
class Point:
    """Arguments of a loss: x and reconstruction (B, N), mu and log_var (B, M), in float64.

    Args:
        dispersion, dropout: (B, N) further parameters of a likelihood, positive and in (0, 1).
        kept: (B, *shape) 1 for values that are kept and 0 for others; None where all are.
        by: the role of the argument that leaves the others out, `PADDING`, or a key of `SENTINELS`.
    """

    sizes: Sizes
    x: Tensor
    reconstruction: Tensor
    mu: Tensor
    log_var: Tensor
    dispersion: Tensor
    dropout: Tensor
    kept: Tensor | None = None
    by: str = ""

    @property
    def weights(self) -> Tensor:
        """(B, N) 1 for values that a mask keeps and 0 for others."""
        return torch.ones_like(self.x) if self.kept is None else self.kept.flatten(1)


@dataclass(frozen=True)
class Slopes:
    """The loss at a point and its gradients there, in the shapes of the point and of the
    parameters that the loss holds itself."""

    value: float
    reconstruction: Tensor
    mu: Tensor
    log_var: Tensor
    eps: float
    parameters: tuple[Tensor, ...] = ()

    @property
    def tolerance(self) -> float:
        """The relative error that a gradient may have: more where the loss is in float32."""
        return max(TOLERANCE, 1e4 * self.eps)
