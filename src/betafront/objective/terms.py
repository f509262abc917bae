"""What a VAE says of a batch: all that a loss is made of."""

from typing import NamedTuple

from torch import Tensor


class Code(NamedTuple):
    """Where a batch of B examples lies in the latent space.

    Attributes:
        z: (B, M) a draw from q(z|x).
        mean, log_var: (B, M) of q(z|x), a Gaussian with a diagonal covariance.
    """

    z: Tensor
    mean: Tensor
    log_var: Tensor


class Terms(NamedTuple):
    """What a VAE says of a batch of B examples.

    Attributes:
        log_px: (B,) log p(x|z) in nats, summed over the data dimensions, z drawn from q(z|x).
        kl: (B, M) KL(q(z_j|x) || p(z_j)) in nats for each latent dimension j.
        code: where the batch lies in the latent space; only penalties ask for it.
        mse: (B,) squared error of E[x|z] per data dimension, without a gradient; only a controller
            that holds it to a target asks for it.
    """

    log_px: Tensor
    kl: Tensor
    code: Code | None = None
    mse: Tensor | None = None

    @property
    def distortion(self) -> Tensor:
        """(B,) the distortion D in nats per example."""
        return -self.log_px

    @property
    def rate(self) -> Tensor:
        """(B,) the rate R in nats per example."""
        return self.kl.sum(-1)
