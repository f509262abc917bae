"""What likelihoods of counts share: a rate per data dimension, and the check that x has counts."""

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood, raised

Total = Literal["row"]

# Of the log of a rate: 10⁻¹³ is a count that never comes, and float32 has no single counts beyond
# e^16.6.
LOG_LEAST, LOG_MOST = -30.0, 20.0


class CountLikelihood(Likelihood):
    """A mass on 0, 1, 2, … in every data dimension, the first output of which is its rate.

    Args:
        total: what the rates of an example add up to. None leaves them free: each is the
            exponential of the decoder's output, times the mean count of the first training
            examples, so that an output of 0 is that mean. `row` gives an example the rates
            `total · softmax(decoder)`, with the total count of the example itself (the library
            size of a cell, the clicks of a user), as scVI does (Lopez et al. 2018): then this is
            the mass of x for a given total. Where z alone is known, the total is the mean over
            the training batches so far.

    Attributes:
        mean_count: () of the training data, per data dimension.
        seen: () batches that it is the mean of.

    Raises:
        UserError: `total` is neither.
    """

    density: ClassVar[bool] = False
    in_data_units = False
    name: ClassVar[str]
    """What the configuration calls it."""

    def __init__(self, total: Total | None = None) -> None:
        super().__init__()
        if total not in (None, "row"):
            raise UserError(
                "likelihood.total is row (the rates of an example add up to its total count) or "
                f"null (they are free), not '{total}'"
            )
        self.total = total
        self._unset = True
        self.mean_count: Tensor
        self.seen: Tensor
        self.register_buffer("mean_count", torch.ones(()))
        self.register_buffer("seen", torch.zeros(()))

    def input_layers(self) -> list[nn.Module]:
        """log(1 + x): counts go over orders of magnitude."""
        return [Log1p()]

    @property
    def unset(self) -> bool:
        return self._unset

    @torch.no_grad()
    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        if not (self.training and (self.unset or self.total)):
            return None
        return raised(x).mean().clamp(min=torch.finfo(torch.float32).tiny)

    @torch.no_grad()
    def remember(self, statistic: Tensor | None) -> None:
        if statistic is None and self.total:
            raise UserError(
                "likelihood.total=row learns the mean total from the statistic of each batch, and "
                "this model gives none: have its observe return likelihood.statistic, or use "
                "likelihood.total=null"
            )
        if statistic is not None and (self.unset or self.total):
            self.seen = self.seen + 1
            self.mean_count = self.mean_count + (statistic - self.mean_count) / self.seen
            self._unset = False

    def rates(self, raw: Tensor, x: Tensor | None) -> Tensor:
        """(B, C, …) the rates, above 0.

        Args:
            raw: (B, C, …) the first output of the decoder.
            x: (B, C, …) the counts whose total is the given one; None for the mean total.
        """
        if self.total is None:
            return (raw + self.mean_count.log()).clamp(LOG_LEAST, LOG_MOST).exp()
        total = self.mean_total(raw) if x is None else x.flatten(1).sum(1)
        log_total = total.clamp(min=torch.finfo(torch.float32).tiny).log()
        shares = raw.flatten(1).log_softmax(1).view_as(raw)
        scaled = shares + log_total.view(-1, *[1] * (raw.ndim - 1))
        return scaled.clamp(LOG_LEAST, LOG_MOST).exp()

    def mean_total(self, raw: Tensor) -> Tensor:
        """() the mean total count of the training examples."""
        return self.mean_count * raw[0].numel()

    @abstractmethod
    def mean_at(self, params: Tensor, x: Tensor | None) -> Tensor:
        """(B, C, …) E[x|z], with the total counts of `x` where there is one to be given."""

    def mean(self, params: Tensor) -> Tensor:
        return self.mean_at(raised(params), None)

    def mean_given(self, params: Tensor, x: Tensor) -> Tensor:
        return self.mean_at(raised(params), raised(x))

    def check(self, x: Tensor) -> None:
        check_counts(x, f"likelihood={self.name}")


class Log1p(nn.Module):
    """log(1 + x)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log1p(x)


def check_counts(x: Tensor, whose: str) -> None:
    """Refuse data that has anything but the numbers 0, 1, 2 and so on.

    Raises:
        UserError: naming `whose` data it is, and the first such value.
    """
    for strange, what in ((x < 0, "negative numbers"), (x != x.round(), "fractions")):
        if bool(strange.any()):
            raise UserError(
                f"{whose} is for counts, 0, 1, 2, …, but the data has {what}, such as "
                f"{float(x[strange][0]):.6g}: these are not counts, or no longer; give them as "
                "they were counted (data=counts; of data=table data.standardise=false), or use "
                "likelihood=gaussian"
            )
