"""The probes: random points at which a loss is evaluated and differentiated."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.weights.audit.arguments import Call
from betafront.weights.audit.inputs.extras import Format
from betafront.weights.audit.inputs.kinds import GREY, Kind
from betafront.weights.audit.inputs.parameters import Parameter, parameters_in
from betafront.weights.audit.inputs.points import (
    LAYOUTS,
    PADDING,
    SENTINELS,
    Layout,
    Point,
    Reals,
    Sizes,
    Slopes,
    Spreads,
)
from betafront.weights.audit.inputs.posterior import Posterior
from betafront.weights.audit.sandbox import CannotTell, NoGradient, error_line

BATCH = 4
REPEATS = 100  # calls with the same arguments, in which a counter shows


@dataclass(frozen=True)
class Prober:
    """Draws points that a loss accepts, and differentiates it there.

    Args:
        call: the loss.
        sizes: of the audit.
        layout: of x and the reconstruction.
        reals: whether reconstructions are any real numbers, lie in (0, 1), or are positive.
        spreads: whether log_var is any real number or positive.
        kind: of x.
        formats: of masks and lengths, by role.
        dtype: in which the loss is called.
    """

    call: Call
    sizes: Sizes
    layout: Layout = LAYOUTS[0]
    reals: Reals = "real"
    spreads: Spreads = "real"
    kind: Kind = GREY
    formats: Mapping[str, Format] = field(default_factory=dict)
    dtype: torch.dtype = torch.float64
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    @property
    def given(self) -> str:
        """The inputs of the loss, in words."""
        shape = self.sizes.shape
        plain = f"(B, {', '.join(map(str, shape))})"
        images = len(shape) == 3 or self.layout != LAYOUTS[0]
        words = [str(self.layout) if images else plain, str(self.kind)]
        if self.dtype != torch.float64:
            words.append("in float32 (it refuses float64)")
        if len(self.sizes.latent_shape) > 1:
            words.append(f"mu and log_var (B, {', '.join(map(str, self.sizes.latent_shape))})")
        return ", ".join(word for word in words if word)

    def point(
        self, sizes: Sizes | None = None, scale: float = 1.0, error: float | None = None
    ) -> Point:
        """A random point, with nothing masked.

        Args:
            sizes: those of the audit where left out.
            scale: of mu and log_var: near 0 the KL is nearly 0.
            error: where given, the reconstruction is x plus noise of this size, times a factor that
                differs between the images.
        """
        sizes = sizes or self.sizes
        rows, columns = (sizes.batch, sizes.pixels), (sizes.batch, sizes.latents)
        x = self.kind.draw(self.generator, sizes.batch, sizes.shape)
        if error is not None:
            sizes_of_noise = 1 + torch.arange(sizes.batch, dtype=torch.float64)[:, None] / 2
            reconstruction = x + error * sizes_of_noise * self._normal(rows)
        elif self.reals == "unit":
            reconstruction = 0.15 + 0.7 * self._uniform(rows)
        elif self.reals == "positive":
            reconstruction = (0.8 * self._normal(rows)).exp()
        else:
            reconstruction = 1.5 * self._normal(rows)
        spread = min(scale, 1.5) * self._normal(columns)
        if self.spreads == "positive":
            spread = spread.clamp(-3, 3).exp()
        mu = scale * self._normal(columns)
        dispersion, dropout = 0.3 + 2 * self._uniform(rows), 0.15 + 0.7 * self._uniform(rows)
        return Point(sizes, x, reconstruction, mu, spread, dispersion, dropout)

    def masked(self, point: Point, by: str, format: Format, share: Tensor) -> Point:
        """The point with a share (B,) of the positions of each example left out by one argument."""
        shape = point.sizes.shape
        kept = format.kept(point.sizes.batch, shape, share, self.generator)
        x = self.kind.padded(point.x, shape, kept) if by == PADDING else point.x
        if by in SENTINELS:
            x = torch.where(kept.flatten(1) > 0, x, SENTINELS[by])
        return replace(point, kept=kept, by=by, x=x)

    def value(self, point: Point) -> tuple[Tensor, str, dict[str, Tensor]]:
        """The loss at a point, where in the answer it was, and the leaves to differentiate by."""
        leaves = {
            "reconstruction": point.reconstruction.clone().requires_grad_(),
            "mu": point.mu.clone().requires_grad_(),
            "log_var": point.log_var.clone().requires_grad_(),
        }
        with torch.enable_grad():
            loss, where = self.call(self._given(point, leaves))
        return loss, where, leaves

    def _given(self, point: Point, leaves: Mapping[str, Tensor]) -> dict[str, Any]:
        """The arguments by role; copies, since a loss may change its arguments in place."""
        shape, flat = point.sizes.shape, self.layout.flat_x
        image, latent = (len(point.x), *shape), (len(point.x), *point.sizes.latent_shape)
        given: dict[str, Any] = {
            name: leaf.to(self.dtype, copy=True) for name, leaf in leaves.items()
        }
        if not self.layout.flat_reconstruction:
            given["reconstruction"] = given["reconstruction"].view(image)
        for name in ("mu", "log_var"):
            given[name] = given[name].view(latent)
        given["posterior"] = Posterior(given["mu"], given["log_var"])
        given["x"] = self.kind.give(point.x, shape, flat, self.dtype)
        for name in ("dispersion", "dropout"):
            value = getattr(point, name).to(self.dtype, copy=True)
            given[name] = value if flat else value.view(image)
        everything = torch.ones(image, dtype=torch.float64)
        for role, format in self.formats.items():
            left = point.kept if role == point.by and point.kept is not None else everything
            given[role] = format.give(left, flat, self.dtype)
        return given

    def slopes(self, point: Point, parameters: tuple[Parameter, ...] = ()) -> Slopes:
        """The loss and its gradients at a point, also by the loss's own `parameters`.

        Raises:
            LossRaised: the function raised.
            CannotTell: the loss or a gradient is not finite, or the loss has no gradient.
        """
        loss, _, leaves = self.value(point)
        if not torch.isfinite(loss):
            raise CannotTell(f"it returns {loss.item()}")
        if not loss.requires_grad:
            raise CannotTell("its value has no gradient: it is detached, or takes no argument in")
        asked = [*leaves.values(), *(parameter.tensor for parameter in parameters)]
        try:
            gradients = torch.autograd.grad(loss, asked, allow_unused=True)
        except RuntimeError as error:  # as after a change in place
            line = f"{self.call.name} cannot be differentiated: {error_line(error)}"
            raise NoGradient(line) from error
        found = [
            torch.zeros_like(leaf, dtype=torch.float64) if gradient is None else gradient.double()
            for leaf, gradient in zip(asked, gradients, strict=True)
        ]
        if not all(bool(torch.isfinite(gradient).all()) for gradient in found):
            raise CannotTell("its gradient is not finite")
        reconstruction, mu, log_var, *rest = found
        eps = max(torch.finfo(dtype).eps for dtype in (loss.dtype, self.dtype))
        return Slopes(loss.item(), reconstruction, mu, log_var, eps, tuple(rest))

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that the loss holds itself and that its value depends on."""
        loss, _, leaves = self.value(self.point())
        return tuple(parameters_in(loss, self.call.function, list(leaves.values())))

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
    if not sizes.latent_shape or min(sizes.latent_shape) < 1:
        latents = "x".join(map(str, sizes.latent_shape))
        raise UserError(f"latents must be at least 1, not {latents}")
