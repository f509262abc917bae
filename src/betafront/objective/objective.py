"""The loss: what a model says of a batch, turned into the number that is minimised."""

from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from betafront.errors import UserError
from betafront.objective.scale import Normalisation, Weights, beta_norm
from betafront.objective.schedules import Constant, Schedule


class Terms(NamedTuple):
    """What a VAE says of a batch of B examples.

    Attributes:
        log_px: (B,) log p(x|z) in nats, summed over the data dimensions, z drawn from q(z|x).
        kl: (B, M) KL(q(z_j|x) || p(z_j)) in nats for each latent dimension j.
    """

    log_px: Tensor
    kl: Tensor

    @property
    def distortion(self) -> Tensor:
        """(B,) the distortion D in nats per example."""
        return -self.log_px

    @property
    def rate(self) -> Tensor:
        """(B,) the rate R in nats per example."""
        return self.kl.sum(-1)


@dataclass(frozen=True)
class Objective:
    """`w_D · D + s(t) · w_R · R`, averaged over the batch: a pure function of tensors.

    Args:
        weight: the number written in front of the KL, in the convention of `normalisation`.
        normalisation: how `weight` is to be read.
        pixels: N, the number of data dimensions (channels x height x width).
        latents: M, the number of latent dimensions.
        schedule: the factor s on the rate as a function of progress.
    """

    weight: float
    normalisation: Normalisation
    pixels: int
    latents: int
    schedule: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise UserError(f"objective.weight must be finite and not negative, not {self.weight}")

    @property
    def weights(self) -> Weights:
        """The weights of D and R once the schedule has reached 1."""
        return self.normalisation.weights(self.weight, self.pixels, self.latents)

    @property
    def beta(self) -> float:
        """The canonical β of the run."""
        return self.weights.beta

    @property
    def beta_norm(self) -> float:
        """β·M/N."""
        return beta_norm(self.beta, self.pixels, self.latents)

    def beta_at(self, progress: float) -> float:
        """The canonical β in force at `progress` in [0, 1]."""
        return self.beta * self.schedule(progress)

    def loss(self, terms: Terms, progress: float) -> Tensor:
        """The scalar to minimise, in the user's own convention (so its size differs between
        normalisations, and its gradient only by a constant factor)."""
        weights = self.weights
        rate = self.schedule(progress) * weights.rate
        return (weights.distortion * terms.distortion + rate * terms.rate).mean()
