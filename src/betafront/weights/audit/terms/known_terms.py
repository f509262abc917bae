"""The reconstruction terms that can be recognised, and a recognised one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.objective.likelihoods.continuous_bernoulli import log_constant
from betafront.weights.audit.arguments import CannotTell
from betafront.weights.audit.probes import Point, Prober, Slopes, factor

Core = Callable[[Tensor, Tensor], Tensor]
"""(B, N) a distortion in nats, up to a constant, of x and the reconstruction (each (B, N))."""


@dataclass(frozen=True)
class Term:
    """A reconstruction term that can be recognised.

    Args:
        name: of it.
        core: its distortion, in nats, up to constants.
        likelihood: the settings of betafront for it; None where betafront has no such likelihood.
        unit: whether it is defined for reconstructions in (0, 1) only.
        scale: the letter of a standard deviation or width that the term leaves out (`core` has it
            at 1); None where it leaves out none.
        remark: a note for the user; None for none.
    """

    name: str
    core: Core
    likelihood: str | None
    unit: bool = False
    scale: str | None = None
    remark: str | None = None


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
        unit=True,
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
        unit=True,
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
    """

    weight: float
    term: Term
    prober: Prober
    error: float | None = None
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def nats(self, point: Point) -> float:
        """The core at a point, summed over batch and pixels."""
        return self.term.core(point.x, point.reconstruction).sum().item()

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
    (slope,) = torch.autograd.grad(term.core(point.x, leaf).sum(), leaf)
    return slope
