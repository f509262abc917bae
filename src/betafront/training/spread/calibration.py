"""The scale of a trained Gaussian or Laplace, set to the error on the validation split."""

from torch import Tensor

from betafront.data import Data, Examples
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.metrics.scale_off import deviation
from betafront.models import Model
from betafront.objective.likelihoods.one_scale import OneScale

DRAWS = 8  # of z per example, as in evaluation


def calibrate(model: Model, data: Data, *, seed: int = 0) -> dict[str, float | str]:
    """Calibrate the scale of a model whose likelihood asks for it.

    Args:
        model: trained, with the weights that are kept.
        data: on the device of the model.
        seed: of the draws.

    Returns:
        what was done, for `Result.settings`: the scale as trained and as it is now, and D + R on
        validation and test with the scale as trained; empty where nothing was asked for.

    Raises:
        UserError: the model gives no E[x|z].
    """
    if not (isinstance(model.likelihood, OneScale) and model.likelihood.calibrate):
        return {}
    found: dict[str, float | str] = {}
    for split in ("val", "test"):
        values = evaluate(model, data.rows(split), samples=DRAWS, seed=seed).values
        found[f"calibration/{split}/negative_elbo_as_trained"] = values["negative_elbo"]
    trained, now = set_to_error(model, data.rows("val"), seed=seed)
    return found | {"calibration/scale_as_trained": trained, "calibration/scale": now}


def set_to_error(model: Model, x: Tensor | Examples, *, seed: int = 0) -> tuple[float, float]:
    """Set the scale to its optimum on `x`: σ to the root mean squared error, b to the mean absolute
    error, of E[x|z] at draws of z from q(z|x).

    The distortion on `x` is then the least that any scale gives. As one number is fitted to all n
    examples, it is too small by about 1/n nats per example.

    Args:
        model: trained.
        x: (n, …) examples it was not trained on, on the device of the model.
        seed: of the draws.

    Returns:
        the scale as it was, and as it is now.

    Raises:
        UserError: the model gives no E[x|z].
    """
    likelihood = model.likelihood
    assert isinstance(likelihood, OneScale)
    error = deviation(model, x, draws=DRAWS, seed=seed)
    if error is None:
        raise UserError("likelihood.calibrate needs E[x|z], which this model's observe leaves out")
    before = likelihood.scale
    likelihood.spread.set(error)
    return before, likelihood.scale
