"""What a model says of a batch: all that a loss is made of."""

from typing import NamedTuple

from torch import Tensor

from betafront.errors import UserError


class Code(NamedTuple):
    """Draws of z with the posteriors that they come from, as penalties compare them.

    Attributes:
        z: (B, M) a draw from q(z|x) per example.
        mean, log_var: (B, M) of q(z|x), a Gaussian with a diagonal covariance; p(z) is N(0, 1).
    """

    z: Tensor
    mean: Tensor
    log_var: Tensor


class Draw(NamedTuple):
    """Draws from q(z|x) and what they cost; `rows` is B examples times the draws of each, the draws
    of one example side by side.

    Attributes:
        z: (rows, M) the draws; the layers of a hierarchy side by side.
        kl: (rows, M) nats whose sum over M is the rate of the example: KL(q(z_j|x) || p(z_j)) where
            it is known in closed form, else log q(z|x) - log p(z) of the draw itself.
        log_ratio: (rows,) float64 log p(z) - log q(z|x) of each draw, where it was asked for.
        code: the posteriors behind the draws, of a model that is `factorised`.
    """

    z: Tensor
    kl: Tensor
    log_ratio: Tensor | None = None
    code: Code | None = None


class Varied(NamedTuple):
    """The weights of the examples of a batch, of a model that is conditioned on β.

    Attributes:
        beta: (B,) the canonical β of each example, in place of the one that is written.
        share: (B,) by which the loss of each example is multiplied.
        near: (B,) how near each β is to the one that is written, 1 in all: the means of D and R
            that are recorded of the batch are weighted so.
    """

    beta: Tensor
    share: Tensor
    near: Tensor


class Terms(NamedTuple):
    """What a model says of a batch of B examples; `rows` as in `Draw`, B where each has one draw.

    Attributes:
        log_px: (rows,) log p(x|z) in nats, summed over the data dimensions, z drawn from q(z|x).
        kl: (rows, M) nats of each latent dimension, as in `Draw`.
        draw: of z; only penalties and the objective of several draws read it.
        mse: (rows,) squared error of E[x|z] per data dimension, without a gradient; only a
            controller that holds it to a target asks for it.
        statistic: what the likelihood learns from the batch otherwise than by gradient, for
            `Likelihood.remember` once the step is taken.
        layers: (k,) what the layers of the model learn from the batch otherwise than by gradient,
            as the running statistics of batch normalisation; kept once the step is taken.
        varied: the weights of the examples, where each has its own.
    """

    log_px: Tensor
    kl: Tensor
    draw: Draw | None = None
    mse: Tensor | None = None
    statistic: Tensor | None = None
    layers: Tensor | None = None
    varied: Varied | None = None

    @property
    def distortion(self) -> Tensor:
        """(rows,) the distortion D in nats per example."""
        return -self.log_px

    @property
    def rate(self) -> Tensor:
        """(rows,) the rate R in nats per example."""
        return self.kl.sum(-1)

    def mean(self, each: Tensor) -> Tensor:
        """() the mean of (rows,) values at the weight that is written."""
        return each.mean() if self.varied is None else (each * self.varied.near).sum()


def require_factorised(factorised: bool, what: str) -> None:
    """Refuse what needs a q(z|x) and p(z) of known, factorised densities.

    Args:
        factorised: of the model: whether q(z|x) is a diagonal Gaussian and p(z) is N(0, 1).
        what: needs it, as the user named it.

    Raises:
        UserError: the model is not factorised.
    """
    if not factorised:
        raise UserError(
            f"{what} needs a model whose posterior is a diagonal Gaussian and whose prior is "
            "N(0, 1), and this model is another: leave it out, or choose another model or prior"
        )
