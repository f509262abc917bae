"""What every likelihood answers: log p(x|z), the mean, a sample, and whether the data fits it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.objective.likelihoods.derivatives import information_by_autodiff, score_by_autodiff


class Likelihood(nn.Module, ABC):
    """The decoder's output distribution p(x|z), factorised over the data dimensions.

    The decoder's raw output `params` is `(B, outputs·C, ...)` for data of `(B, C, ...)`, such as
    `(B, outputs·C, H, W)` for images of `(B, C, H, W)`: the first C channels are the first
    parameter of every data dimension, and so on. What a parameter is (a mean, a logit) is the
    likelihood's own. A batch of one stands for every example of `x`. A likelihood may have
    parameters or buffers of its own (σ).
    """

    outputs: int = 1
    """Parameters per data dimension."""

    density: ClassVar[bool]
    """Whether p(x|z) is a density; else it is a mass."""

    in_data_units: ClassVar[bool] = True
    """Whether the first output of the decoder goes as far as the data does, as a mean does, where
    data may be beyond 1; else it is a logarithm or a logit."""

    of_symbols: ClassVar[bool] = False
    """Whether it is for sequences of symbols (`Data.symbols`), and not for numbers."""

    symbols: int | None = None
    """V, the number of distinct symbols of the data, which a likelihood of symbols is told before a
    model is made for it (`told`)."""

    lr_factor: float = 1.0
    """The learning rate of the likelihood's own parameters, as a multiple of the optimiser's."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        own = vars(cls).keys()
        if own & {"log_prob", "log_prob_each", "statistic"}:  # else a shortcut said what these did
            for shortcut in {"log_prob_and_statistic", "mean_log_prob"} - own:
                setattr(cls, shortcut, getattr(Likelihood, shortcut))

    def suit(self, shape: tuple[int, ...]) -> Self:
        """Make the parameters that the likelihood has for each data dimension of examples of
        `shape`, once; most have none. Called before a model is made with it. Returns itself."""
        return self

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the decoder's output for one example of `shape`."""
        channels, *rest = shape
        return self.outputs * channels, *rest

    def input_layers(self) -> list[nn.Module]:
        """The layers that an encoder had better begin with, so that it sees data of this kind on a
        scale of about 1; none by default."""
        return []

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """(B,) log p(x|z) in nats, summed over the data dimensions, with every constant."""
        return self.log_prob_each(raised(params), raised(x)).flatten(1).sum(1)

    def log_prob_and_statistic(self, params: Tensor, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """`log_prob` and `statistic` of the same batch, which may have a part in common."""
        return self.log_prob(params, x), self.statistic(params, x)

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The mean of `log_prob` over examples as a function of an output that is the same for all,
        (1, outputs·C, …), in () nats. Of an exponential family it is one of means over the
        examples, so that a fit does not go through these at every step.

        Args:
            x: (n, C, …).
        """
        return lambda params: self.log_prob(params, x).mean()

    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        """What a likelihood in training mode learns from a batch otherwise than by gradient, for
        `remember`; None where there is nothing of the kind. No method but `remember` changes the
        likelihood."""
        return None

    @property
    def unset(self) -> bool:
        """Whether the scale has no value yet, and is to be set from the first `statistic` that
        `remember` is given."""
        return False

    def remember(self, statistic: Tensor | None) -> None:
        """Keep the statistic of a batch for evaluation, once the step is taken.

        Args:
            statistic: of the batch.
        """

    @abstractmethod
    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        """(B, C, ...) log p(x_d|z) of each data dimension; `params` and `x` are already raised to
        float32 or better."""

    @abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """(B, C, ...) E[x|z]: the reconstruction to look at."""

    def mean_given(self, params: Tensor, x: Tensor) -> Tensor:
        """(B, C, ...) E[x|z] of examples with what p(x|z) takes from them as given: the total count
        of an example, in some likelihoods of counts; of others it is `mean`."""
        return self.mean(params)

    @abstractmethod
    def sample(self, params: Tensor) -> Tensor:
        """(B, C, ...) a draw from p(x|z)."""

    def constant(self, batches: Iterable[Tensor]) -> Tensor | None:
        """(1, outputs·C, …) the output with the greatest mean of log p(x|z) among those that are
        the same for every example, where that has a closed form; None where it has to be fitted.
        The likelihood's own parameters (σ) are set to what is best beside it.

        Args:
            batches: (B, C, …) of the examples, one pass over all.
        """
        return None

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        """(B, K, D) the derivative of log p(x|z) by the decoder's output, as K parameters of each
        of D dimensions; by autodiff, unless a likelihood has its closed form.

        Args:
            params: (1, outputs·C, …) an output that is the same for all examples.
            x: (B, C, …).
        """
        return score_by_autodiff(self, params, x)

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        """(K, K, D) minus the second derivative of log p(x|z) in the same coordinates, the mean
        over the examples of `x`: a block for each dimension. Where the likelihood is an exponential
        family in its output, it is the Fisher information.

        A part of it may be left out that is 0 on every score, as that of a softmax's sum.

        Raises:
            UserError: second derivatives of different dimensions are not 0.
        """
        return information_by_autodiff(self, params, x)

    @property
    def sigma(self) -> float | None:
        """σ of a Gaussian in the data's units; None for a likelihood that has none."""
        return None

    def check(self, x: Tensor) -> None:
        """Refuse data that lies outside the support.

        Raises:
            UserError: naming the likelihood, the offending values and the way out.
        """

    def unpack(self, params: Tensor) -> Tensor:
        """(B, outputs, C, ...) the parameters apart, in float32 or better."""
        apart: Tensor = raised(params).unflatten(1, (self.outputs, -1))
        return apart


def told(likelihood: Likelihood, symbols: int | None) -> Likelihood:
    """A likelihood that knows the vocabulary of the data.

    Args:
        likelihood: fresh; changed.
        symbols: V, the number of distinct symbols that the data is sequences of; None of numbers.

    Raises:
        UserError: it is for data of the other kind.
    """
    name = type(likelihood).__name__
    if likelihood.of_symbols and symbols is None:
        raise UserError(
            f"likelihood {name} is for sentences, sequences of symbols as data=text has them, and "
            "this data is numbers: use likelihood=gaussian, or data=text"
        )
    if symbols is not None and not likelihood.of_symbols:
        raise UserError(
            f"likelihood {name} is for numbers, and this data is sentences, sequences of symbols: "
            "use likelihood=words"
        )
    likelihood.symbols = symbols
    return likelihood


def raised(values: Tensor) -> Tensor:
    """`values` in float32 or better: half precision has too few digits for a sum of log p."""
    if values.dtype is torch.float32:  # at every step, where asking takes as long as a kernel
        return values
    return values.to(torch.promote_types(values.dtype, torch.float32))


def mean_over(batches: Iterable[Tensor]) -> Tensor:
    """(1, C, …) float64: the mean over all examples of the batches."""
    total, n = torch.zeros(()), 0
    for x in batches:  # in float64 from batch to batch: within one, that would take a copy of it
        total, n = total.to(x.device) + raised(x).sum(0).double(), n + len(x)
    return (total / n)[None]


def outside(x: Tensor, low: float, high: float) -> str | None:
    """In words, how far `x` leaves [low, high]; None when it does not."""
    least, most = torch.aminmax(x)
    if least < low or most > high:
        return f"the data runs from {least:.4g} to {most:.4g}"
    return None


def check_unit_interval(x: Tensor, name: str) -> None:
    """Refuse data outside [0, 1].

    Raises:
        UserError: for the likelihood `name`.
    """
    problem = outside(x, 0.0, 1.0)
    if problem:
        raise UserError(
            f"likelihood={name} is for data in [0, 1], but {problem}: "
            "scale the data to [0, 1] or use likelihood=gaussian"
        )
