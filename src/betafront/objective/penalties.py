"""Terms that are added to D + β·R, each with a weight of its own.

A penalty looks at the aggregate posterior q(z), which D and R do not. Its weight is canonical: what
stands in front of it when D, in nats per example, has weight 1, whatever the normalisation.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.aggregate import decompose
from betafront.objective.terms import Code


@dataclass(frozen=True)
class Penalty(ABC):
    """A function of the codes of a batch that is added to the loss.

    Penalties take q(z|x) for a diagonal Gaussian and p(z) for N(0, 1): `Objective.check_model`
    refuses any other model.

    Args:
        weight: what stands in front of it when D has weight 1.
    """

    weight: float

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not 0 <= self.weight < math.inf:
            raise UserError(
                f"penalty: the weight of {name} must be finite and not negative, not {self.weight}"
            )

    @abstractmethod
    def __call__(self, code: Code, examples: int) -> Tensor:
        """() the penalty without its weight.

        Args:
            code: of the batch.
            examples: n, how many the batch was drawn from.
        """


@dataclass(frozen=True)
class TotalCorrelation(Penalty):
    """KL(q(z) || Π_j q(z_j)) in nats: how far the latents depend on one another.

    β-TCVAE weighs the total correlation by β and the other two parts of the rate by 1 (Chen et al.
    2018, equation 4): that is `objective.weight=1` under sums and this weight at β - 1.
    """

    def __call__(self, code: Code, examples: int) -> Tensor:
        return decompose(code, examples).total_correlation


@dataclass(frozen=True)
class DIP(Penalty):
    """`Σ_{i≠j} Cov_ij² + diagonal · Σ_i (Cov_ii - 1)²` of the latents (Kumar et al. 2018, DIP-VAE).

    The covariance is the unbiased one of the batch, over B - 1, so that a small batch does not make
    the variances look small; its square is still larger in small batches, by the variance of each
    entry, about 1/B.

    Args:
        weight: their λ_od.
        kind: `i` takes the covariance of the posterior means (equation 6), `ii` that of z itself,
            which adds the mean of the posterior variances (equation 7).
        diagonal: their λ_d / λ_od; None is 10 for the first kind and 1 for the second, as in their
            experiments.
    """

    kind: Literal["i", "ii"] = "i"
    diagonal: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ("i", "ii"):
            raise UserError(f"penalty.dip.kind is i or ii, not '{self.kind}'")
        if not 0 <= self.ratio < math.inf:
            raise UserError(
                f"penalty.dip.diagonal must be finite and not negative, not {self.diagonal}"
            )

    @property
    def ratio(self) -> float:
        """λ_d / λ_od."""
        if self.diagonal is None:
            return 10.0 if self.kind == "i" else 1.0
        return self.diagonal

    def __call__(self, code: Code, examples: int) -> Tensor:
        covariance = torch.atleast_2d(torch.cov(code.mean.T))
        if self.kind == "ii":
            covariance = covariance + torch.diag(code.log_var.exp().mean(0))
        variances = covariance.diagonal()
        off_diagonal = covariance - torch.diag(variances)  # squares first would drown it
        penalty: Tensor = (off_diagonal**2).sum() + self.ratio * ((variances - 1) ** 2).sum()
        return penalty


@dataclass(frozen=True)
class MMD(Penalty):
    """The squared maximum mean discrepancy of a batch's draws from q(z) and of p(z) = N(0, 1), by a
    Gaussian kernel whose expectations over p are exact (Zhao et al. 2017, InfoVAE). The metric
    `mmd` is another: of two samples, by a kernel with heavy tails.

    InfoVAE's α and λ are `objective.weight = 1 - α` under sums and this weight at α + λ - 1. The
    kernel is `exp(-|a - b|² / 2h²)`. A draw is not compared with itself, so the estimate is
    unbiased, and may be slightly below 0 where q(z) is p(z).

    Args:
        bandwidth: h in units of √M, about the distance of two draws from the prior over √2.
    """

    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.bandwidth < math.inf:
            raise UserError(
                f"penalty.mmd.bandwidth must be finite and above 0, not {self.bandwidth}"
            )

    def __call__(self, code: Code, examples: int) -> Tensor:
        z = code.z
        batch, latents = z.shape
        square = latents * self.bandwidth**2
        distances = (z.unsqueeze(1) - z).square().sum(-1)
        alike = torch.exp(-0.5 * distances / square).sum() - batch  # without the diagonal's ones
        alike = alike / (batch * (batch - 1))
        # ∫ k(z, b) p(b) db and ∫∫ k(a, b) p(a) p(b) da db are Gaussian integrals.
        to_prior = (1 + 1 / square) ** (-latents / 2) * torch.exp(
            -0.5 * z.square().sum(-1) / (square + 1)
        )
        prior = (1 + 2 / square) ** (-latents / 2)
        discrepancy: Tensor = alike - 2 * to_prior.mean() + prior
        return discrepancy
