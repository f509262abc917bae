"""The Gaussian with a σ per image, which the decoder gives."""

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood, raised
from betafront.objective.likelihoods.gaussian import log_normal, mean_and_error
from betafront.objective.likelihoods.spread import LOG_CEILING, LOG_FLOOR, between, mean_power


class GaussianPerImage(Likelihood):
    """`p(x|z) = N(x; m(z), σ(z)²)`, one σ for all data dimensions of an image.

    The decoder gives a second map, whose mean over the image, with the logarithm of where σ starts
    added, is log σ(z), kept softly between `LOG_FLOOR` and `LOG_CEILING`. So σ is a function of z,
    and this is a density. The loss known as "log-MSE per image" is not: it fits σ to the very x
    that it scores, and its author advises against it (Rybkin et al. 2021, and orybkin/sigma-vae
    issue 1).

    Args:
        sigma: where σ starts, whose logarithm is added to what the decoder gives; None for the root
            mean squared error of the untrained model.

    Raises:
        UserError: σ is not above 0.
    """

    outputs = 2
    density: ClassVar[bool] = True

    def __init__(self, sigma: float | None = 1.0) -> None:
        super().__init__()
        start = 1.0 if sigma is None else sigma
        if not isinstance(start, int | float) or not 0 < start < math.inf:
            raise UserError(f"likelihood.sigma must be above 0, not {start}")
        self._unset = sigma is None
        self.log_start: Tensor
        self.register_buffer("log_start", torch.tensor(math.log(start)))

    @property
    def unset(self) -> bool:
        return self._unset

    @torch.no_grad()
    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        if not (self.unset and self.training):
            return None
        return mean_power((raised(x) - self.mean(params)) ** 2)

    @torch.no_grad()
    def remember(self, statistic: Tensor | None) -> None:
        if self.unset and statistic is not None:
            self._unset = False
            self.log_start.copy_((0.5 * statistic.log()).clamp(min=LOG_FLOOR))

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        mean, log_sigma = self._mean_and_log_sigma(params)
        return log_normal((x - mean) ** 2, log_sigma)

    def mean(self, params: Tensor) -> Tensor:
        return self._mean_and_log_sigma(params)[0]

    @torch.no_grad()
    def constant(self, batches: Iterable[Tensor]) -> Tensor:
        """The mean, and an output of 0 for where σ starts, which is set to the root of the mean
        squared error."""
        mean, error = mean_and_error(batches)
        self._unset = False
        variance = error.clamp(min=torch.finfo(torch.float32).tiny)
        self.log_start.copy_((0.5 * variance.log()).clamp(min=LOG_FLOOR))
        return torch.cat([mean, torch.zeros_like(mean)], 1).float()

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        """(B, 1, N + 1): of each mean, and of log σ, which all data dimensions share."""
        mean, log_sigma = self._mean_and_log_sigma(raised(params))
        gap = ((x - mean) * torch.exp(-log_sigma)).flatten(1)
        of_sigma = (gap**2 - 1).sum(1, keepdim=True)
        return torch.cat([gap * torch.exp(-log_sigma).flatten(1), of_sigma], 1)[:, None]

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        mean, log_sigma = self._mean_and_log_sigma(raised(params))
        gap = ((x - mean) * torch.exp(-log_sigma)).flatten(1)
        of_mean = torch.exp(-2 * log_sigma).expand_as(mean).flatten(1)
        of_sigma = 2 * (gap**2).sum(1).mean().view(1, 1)
        return torch.cat([of_mean, of_sigma], 1)[:, None]

    def sample(self, params: Tensor) -> Tensor:
        mean, log_sigma = self._mean_and_log_sigma(params)
        return mean + torch.exp(log_sigma) * torch.randn_like(mean)

    def _mean_and_log_sigma(self, params: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = self.unpack(params).unbind(1)
        level = raw.mean(tuple(range(1, raw.ndim)), keepdim=True)
        return mean, between(level + self.log_start, LOG_FLOOR, LOG_CEILING)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *rest: Any, **more: Any
    ) -> None:
        # Weights of an earlier version, which always started at 1.
        state_dict.setdefault(prefix + "log_start", torch.zeros_like(self.log_start))
        super()._load_from_state_dict(state_dict, prefix, *rest, **more)
