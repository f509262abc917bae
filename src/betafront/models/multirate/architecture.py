"""The family around an architecture that a user may choose."""

from betafront.errors import UserError
from betafront.models.lazy import initialised
from betafront.models.model import Architecture, Shape
from betafront.models.multirate.multirate import Kind, MultiRate
from betafront.models.vae import VAE
from betafront.objective import Likelihood
from betafront.objective.likelihoods.one_scale import OneScale


def multirate(
    shape: Shape,
    likelihood: Likelihood,
    of: Architecture,
    low: float = 0.01,
    high: float = 10.0,
    points: int = 16,
    kind: Kind = "film",
    balance: float = 1.0,
) -> MultiRate:
    """One model for every canonical β of a range, made of any VAE of dense, convolutional and
    normalising layers.

    Args:
        shape: of one example.
        likelihood: p(x|z).
        of: makes the VAE.
        low, high: the range.
        points: of the range, at which the trained family is evaluated.
        kind, balance: as in `MultiRate`.

    Raises:
        UserError: the architecture makes no VAE, or the likelihood is to be calibrated, which is at
            one β.
    """
    if isinstance(likelihood, OneScale) and likelihood.calibrate:
        raise UserError(
            "likelihood.calibrate=true sets one scale, and with model=multirate each β has its "
            "own: choose one of them"
        )
    made = of(shape, likelihood)
    if not isinstance(made, VAE):
        raise UserError(
            f"model.of: what it names has returned an object of type {type(made).__name__}, and no "
            "betafront.models.VAE, whose encoder and decoder could be conditioned on β"
        )
    initialised(made, shape)
    return MultiRate(made, len(shape) + 1, low, high, points, kind, balance)
