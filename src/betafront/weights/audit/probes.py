"""The probes: random points at which a loss is evaluated and differentiated."""

import random
from dataclasses import dataclass, field
from math import prod
from typing import Literal

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.weights.audit.arguments import Call, CannotTell

BATCH = 4
REPEATS = 100  # calls with the same arguments, in which a counter shows
TOLERANCE = 1e-4  # relative, of a gradient: wide enough for an epsilon inside a logarithm
Reals = Literal["real", "unit"]
Spreads = Literal["real", "positive"]


@dataclass(frozen=True)
class Sizes:
    """B, the images' shape, and M."""

    batch: int
    shape: tuple[int, ...]
    latents: int

    @property
    def pixels(self) -> int:
        """N."""
        return prod(self.shape)


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
    """Arguments of a loss: x and reconstruction (B, N), mu and log_var (B, M), in float64."""

    sizes: Sizes
    x: Tensor
    reconstruction: Tensor
    mu: Tensor
    log_var: Tensor


@dataclass(frozen=True)
class Slopes:
    """The loss at a point and its gradients there, in the shapes of the point."""

    value: float
    reconstruction: Tensor
    mu: Tensor
    log_var: Tensor
    eps: float

    @property
    def tolerance(self) -> float:
        """The relative error that a gradient may have: more where the loss is in float32."""
        return max(TOLERANCE, 1e4 * self.eps)


@dataclass(frozen=True)
class Prober:
    """Draws points that a loss accepts, and differentiates it there.

    Args:
        call: the loss.
        sizes: of the audit.
        layout: of x and the reconstruction.
        reals: whether reconstructions are any real numbers or lie in (0, 1).
        spreads: whether log_var is any real number or positive.
        binary: whether x is 0 or 1, with no value in between.
        dtype: in which the loss is called.
    """

    call: Call
    sizes: Sizes
    layout: Layout = LAYOUTS[0]
    reals: Reals = "real"
    spreads: Spreads = "real"
    binary: bool = False
    dtype: torch.dtype = torch.float64
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    @property
    def given(self) -> str:
        """The inputs of the loss, in words."""
        words = [str(self.layout)]
        if self.binary:
            words.append("x of 0 and 1 (it refuses grey values)")
        if self.dtype != torch.float64:
            words.append("in float32 (it refuses float64)")
        return ", ".join(words)

    def point(
        self, sizes: Sizes | None = None, scale: float = 1.0, error: float | None = None
    ) -> Point:
        """A random point.

        Args:
            sizes: those of the audit where left out.
            scale: of mu and log_var: near 0 the KL is nearly 0.
            error: where given, the reconstruction is x plus noise of this size, times a factor that
                differs between the images.
        """
        sizes = sizes or self.sizes
        rows, columns = (sizes.batch, sizes.pixels), (sizes.batch, sizes.latents)
        x = 0.1 + 0.8 * self._uniform(rows)
        if self.binary:
            x = (x > 0.5).double()
        if error is not None:
            sizes_of_noise = 1 + torch.arange(sizes.batch, dtype=torch.float64)[:, None] / 2
            reconstruction = x + error * sizes_of_noise * self._normal(rows)
        elif self.reals == "unit":
            reconstruction = 0.15 + 0.7 * self._uniform(rows)
        else:
            reconstruction = 1.5 * self._normal(rows)
        spread = min(scale, 1.5) * self._normal(columns)
        if self.spreads == "positive":
            spread = spread.clamp(-3, 3).exp()
        return Point(sizes, x, reconstruction, scale * self._normal(columns), spread)

    def value(self, point: Point) -> tuple[Tensor, str, dict[str, Tensor]]:
        """The loss at a point, where in the answer it was, and the leaves to differentiate by."""
        leaves = {
            "reconstruction": point.reconstruction.clone().requires_grad_(),
            "mu": point.mu.clone().requires_grad_(),
            "log_var": point.log_var.clone().requires_grad_(),
        }
        image = (point.sizes.batch, *point.sizes.shape)
        # Copies, since a loss may change its arguments in place.
        values = {name: leaf.to(self.dtype, copy=True) for name, leaf in leaves.items()}
        x, reconstruction = point.x.to(self.dtype, copy=True), values["reconstruction"]
        values |= {
            "x": x if self.layout.flat_x else x.view(image),
            "reconstruction": reconstruction
            if self.layout.flat_reconstruction
            else reconstruction.view(image),
        }
        with torch.enable_grad():
            loss, where = self.call(values)
        return loss, where, leaves

    def slopes(self, point: Point) -> Slopes:
        """The loss and its gradients at a point.

        Raises:
            LossRaised: the function raised.
            CannotTell: the loss or a gradient is not finite, or the loss has no gradient.
        """
        loss, _, leaves = self.value(point)
        if not torch.isfinite(loss):
            raise CannotTell(f"it returns {loss.item()}")
        if not loss.requires_grad:
            raise CannotTell("its value has no gradient: it is detached, or takes no argument in")
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        found = [
            torch.zeros_like(leaf) if gradient is None else gradient.double()
            for leaf, gradient in zip(leaves.values(), gradients, strict=True)
        ]
        if not all(bool(torch.isfinite(gradient).all()) for gradient in found):
            raise CannotTell("its gradient is not finite")
        reconstruction, mu, log_var = found
        eps = max(torch.finfo(dtype).eps for dtype in (loss.dtype, self.dtype))
        return Slopes(loss.item(), reconstruction, mu, log_var, eps)

    def _uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=self.generator, dtype=torch.float64)

    def _normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)


def check_repeats(prober: Prober, point: Point) -> None:
    """Refuse a loss with different values for the same arguments.

    Raises:
        CannotTell: with the cause: random numbers, or a state.
    """
    values = [prober.value(point)[0].item() for _ in range(REPEATS)]
    if len(set(values)) == 1:
        return
    with torch.random.fork_rng(devices=[]):
        state = random.getstate()
        seeded = []
        for _ in range(3):
            torch.manual_seed(0)
            random.seed(0)
            seeded.append(prober.value(point)[0].item())
        random.setstate(state)
    if len(set(seeded)) == 1:
        raise CannotTell(
            "it draws random numbers: called again with the same arguments it answers otherwise"
        )
    raise CannotTell(
        "it has a state (an annealing counter?) or randomness of its own: called again with the "
        "same arguments it answers otherwise"
    )


def factor(gradient: Tensor, pattern: Tensor) -> tuple[float, float]:
    """The c of `gradient = c · pattern` by least squares, and the relative size of the residual."""
    c = ((gradient * pattern).sum() / pattern.square().sum()).item()
    norm = gradient.norm().item()
    left = (gradient - c * pattern).norm().item()
    return c, left / norm if norm else 0.0


def check_sizes(sizes: Sizes) -> None:
    """Refuse a shape without sides, and sides or latents below 1.

    Raises:
        UserError: naming the wrong size.
    """
    if not sizes.shape or min(sizes.shape) < 1:
        raise UserError(f"a shape is like (1, 28, 28), not {sizes.shape}")
    if sizes.latents < 1:
        raise UserError(f"latents must be at least 1, not {sizes.latents}")
