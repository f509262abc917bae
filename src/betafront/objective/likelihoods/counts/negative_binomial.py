"""The negative binomial: a mass on counts whose variance is beyond their mean."""

from typing import Self

from torch import Tensor
from torch.distributions import NegativeBinomial as TorchNegativeBinomial

from betafront.errors import UserError
from betafront.objective.likelihoods.base import raised
from betafront.objective.likelihoods.counts.count_likelihood import CountLikelihood, Total
from betafront.objective.likelihoods.counts.dispersion import Dispersion, Mode
from betafront.objective.likelihoods.counts.log_mass import log_negative_binomial


class NegativeBinomial(CountLikelihood):
    """Counts of the mean `rate` and the variance `rate + rate² / θ` in every data dimension: a
    Poisson whose own rate is drawn from a Gamma with the shape θ.

    Args:
        total: as in `CountLikelihood`.
        mode: where θ comes from, as in `Dispersion`.
        dispersion: θ where learning starts.
        lr_factor: of a θ that is a parameter, as in `Likelihood`.

    Raises:
        UserError: as `CountLikelihood` and `Dispersion`; or the factor is negative or not finite.
    """

    name = "negative_binomial"

    def __init__(
        self,
        total: Total | None = None,
        mode: Mode = "per_dimension",
        dispersion: float = 1.0,
        lr_factor: float = 1.0,
    ) -> None:
        super().__init__(total)
        if not isinstance(lr_factor, int | float) or not 0 <= lr_factor < float("inf"):
            raise UserError(
                f"likelihood.lr_factor must be finite and not negative, not {lr_factor}"
            )
        self.dispersion = Dispersion(mode, dispersion)
        self.outputs = 2 if mode == "decoder" else 1
        self.lr_factor = lr_factor

    def suit(self, shape: tuple[int, ...]) -> Self:
        self.dispersion.suit(shape)
        return self

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        rate, theta = self._rate_and_theta(params, x)
        return log_negative_binomial(x, rate, theta)

    def mean_at(self, params: Tensor, x: Tensor | None) -> Tensor:
        return self._rate_and_theta(params, x)[0]

    def sample(self, params: Tensor) -> Tensor:
        rate, theta = self._rate_and_theta(raised(params), None)
        logits = rate.log() - theta.log()
        drawn: Tensor = TorchNegativeBinomial(theta, logits=logits, validate_args=False).sample()
        return drawn

    def _rate_and_theta(self, params: Tensor, x: Tensor | None) -> tuple[Tensor, Tensor]:
        raw, *of_decoder = self.unpack(params).unbind(1)
        theta = self.dispersion.theta(of_decoder[0] if of_decoder else None)
        return self.rates(raw, x), theta
