"""The scale of a trained Gaussian or Laplace, set to the error on examples it was not trained on."""

from torch import Tensor

from betafront.errors import UserError
from betafront.metrics.scale_off import deviation
from betafront.models import Model
from betafront.objective.likelihoods.one_scale import OneScale

DRAWS = 8


def calibrate_scale(model: Model, x: Tensor, *, seed: int = 0) -> tuple[float, float]:
    """Set the scale of a likelihood to its optimum on `x`: σ to the root mean squared error, b to
    the mean absolute error, of E[x|z] at draws of z from q(z|x).

    The distortion on `x` is then the least that any scale gives, and so too small by about half a
    nat; that on other held-out examples is not.

    Args:
        model: trained, with a likelihood whose `calibrate` is true.
        x: (n, …) of the validation split, on the device of the model.
        seed: of the draws.

    Returns:
        the scale as it was trained, and as it is now.

    Raises:
        UserError: the model gives no E[x|z].
    """
    likelihood = model.likelihood
    assert isinstance(likelihood, OneScale)
    error = deviation(model, x, draws=DRAWS, seed=seed)
    if error is None:
        raise UserError("likelihood.calibrate needs E[x|z], and this model's observe gives none")
    trained = likelihood.scale
    likelihood.spread.set(error)
    return trained, likelihood.scale
