"""The reconstruction terms that can be recognised, and a recognised one."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from betafront.objective.likelihoods.continuous_bernoulli import log_constant
from betafront.weights.audit.inputs.points import Point, Reals, Slopes
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell

Core = Callable[..., Tensor]
"""A distortion in nats, up to a constant, of x and the reconstruction, value by value (of images
where the term has an axis, else of rows), and of the further parameters that the term needs."""
Constants = tuple[tuple[str, Callable[[Tensor], float]], ...]
"""Sets of constants in words, each with what it adds to the cores of all x (B, N), in nats."""


@dataclass(frozen=True)
class Term:
    """A reconstruction term that can be recognised.

    Args:
        name: of it.
        core: its distortion, in nats, up to constants.
        likelihood: the settings of betafront for it; None where betafront has no such likelihood.
        domain: of the reconstructions for which it is defined.
        scale: the letter of a standard deviation or width that the term leaves out (`core` has it
            at 1); None where it leaves out none.
        remark: a note for the user; None for none.
        axis: of the data's shape, over which it takes a softmax, or along which the classes are.
        tokens: whether the values along that axis are one data dimension.
        needs: the further parameters that the core takes, as fields of a point.
        kinds: of x, by which alone it is told from other terms; empty for any.
        constants: what it may add to its core.
        caveat: why it is no log-likelihood, and so has no β; None where it is one.
        warning: a limit within which the answer holds; None for none.
    """

    name: str
    core: Core
    likelihood: str | None
    domain: Reals = "real"
    scale: str | None = None
    remark: str | None = None
    axis: int | None = None
    tokens: bool = False
    needs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    constants: Constants = ()
    caveat: str | None = None
    warning: str | None = None

    def distortion(self, point: Point, reconstruction: Tensor) -> Tensor:
        """(B, N) the core of a point's x and of a reconstruction (B, N), 0 where it is masked."""
        shape = (len(point.x), *point.sizes.shape) if self.axis is not None else point.x.shape
        needed = [getattr(point, name).view(shape) for name in self.needs]
        x = point.x * point.weights if self.tokens else point.x  # no class where it is masked
        nats = self.core(x.view(shape), reconstruction.view(shape), *needed).flatten(1)
        return nats if self.tokens else nats * point.weights

    def dims(self, shape: tuple[int, ...]) -> int:
        """N of data of this shape: its values, or its positions where each has a class."""
        count = prod(shape)
        return count // shape[self.axis] if self.tokens and self.axis is not None else count


GAUSSIAN = "likelihood=gaussian likelihood.mode=fixed"
LAPLACE = "likelihood=laplace likelihood.mode=fixed"
GREY = (
    "on grey values this cross-entropy is no log-likelihood (betafront asks for binary images, or "
    "likelihood.grey=true)"
)
SQUARED = Term("squared error", lambda x, r: (x - r) ** 2 / 2, GAUSSIAN, scale="σ")
ABSOLUTE = Term("absolute error (Laplace)", lambda x, r: (x - r).abs(), LAPLACE, scale="b")
TERMS = (
    SQUARED,
    Term(
        "squared error of sigmoid(reconstruction)",
        lambda x, r: (x - r.sigmoid()) ** 2 / 2,
        GAUSSIAN,
        scale="σ",
        remark="the sigmoid belongs to the decoder",
    ),
    Term(
        "squared error of tanh(reconstruction)",
        lambda x, r: (x - r.tanh()) ** 2 / 2,
        GAUSSIAN,
        scale="σ",
        remark="the tanh belongs to the decoder",
    ),
    Term(
        "Bernoulli, of logits",
        lambda x, r: torch.nn.functional.softplus(r) - x * r,
        "likelihood=bernoulli",
        remark=GREY,
    ),
    Term(
        "Bernoulli, of probabilities",
        lambda x, r: -x * r.log() - (1 - x) * torch.log1p(-r),
        "likelihood=bernoulli",
        domain="unit",
        remark=GREY,
    ),
    Term(
        "continuous Bernoulli, of logits",
        lambda x, r: -(x * r + log_constant(r)),
        "likelihood=continuous_bernoulli",
    ),
    Term(
        "continuous Bernoulli, of λ",
        lambda x, r: -(x * torch.logit(r) + log_constant(torch.logit(r))),
        "likelihood=continuous_bernoulli",
        domain="unit",
    ),
    ABSOLUTE,
)
OPTIMAL = Term(
    "Gaussian with the optimal σ of the batch",
    lambda x, r: ((x - r) ** 2).mean().log().expand(x.shape) / 2,
    "likelihood=gaussian likelihood.mode=optimal",
)
OPTIMAL_PER_IMAGE = Term(
    "Gaussian with an optimal σ for every image",
    lambda x, r: ((x - r) ** 2).mean(1, keepdim=True).log().expand(x.shape) / 2,
    None,
)
OPTIMAL_LAPLACE = Term(
    "Laplace with the optimal b of the batch",
    lambda x, r: (x - r).abs().mean().log().expand(x.shape),
    "likelihood=laplace likelihood.mode=optimal",
)
OPTIMA = (OPTIMAL, OPTIMAL_PER_IMAGE, OPTIMAL_LAPLACE)
OWN_SCALE = (
    "σ is fitted to the very image that it scores (log-MSE per image), which is no density p(x|z): "
    "share σ over the batch"
)


@dataclass(frozen=True)
class Reconstruction:
    """A recognised reconstruction term.

    Args:
        weight: the factor on its core, summed over batch and pixels.
        term: the recognised term.
        prober: draws points in the domain where the term is recognised.
        error: the size of the probes' errors x − reconstruction; None where any size will do.
        remarks: notes for the user.
        warnings: limits within which the answer holds.
        uneven: whether the factor differs between the values of x, and `weight` is its mean.
    """

    weight: float
    term: Term
    prober: Prober
    error: float | None = None
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    uneven: bool = False

    def nats(self, point: Point) -> float:
        """The core at a point, summed over batch and pixels."""
        return self.term.distortion(point, point.reconstruction).sum().item()

    @property
    def dims(self) -> int:
        """N at the audited sizes."""
        return self.term.dims(self.prober.sizes.shape)

    def measure(self, point: Point, slopes: Slopes) -> float:
        """The factor on the core at a point.

        Raises:
            CannotTell: the gradient there is not that of the term.
        """
        c, left = factor(slopes.reconstruction, slope_of(self.term, point))
        if left > slopes.tolerance:
            raise CannotTell(f"it is no {self.term.name} there")
        return c


def slope_of(term: Term, point: Point) -> Tensor:
    """(B, N) the gradient of the core with respect to the reconstruction."""
    leaf = point.reconstruction.clone().requires_grad_()
    (slope,) = torch.autograd.grad(term.distortion(point, leaf).sum(), leaf)
    return slope
