"""A fresh model, made for the examples of a data set."""

from betafront.models.lazy import initialised
from betafront.models.model import Architecture, MakePrior, Model, Shape
from betafront.objective import Likelihood


def fresh_model(
    architecture: Architecture,
    likelihood: Likelihood,
    shape: Shape,
    log_volume: float = 0.0,
    make_prior: MakePrior | None = None,
) -> Model:
    """The model that an architecture makes of a likelihood, which is suited to the examples before;
    lazy layers get their shapes. Initial weights come from torch's global generator.

    Args:
        architecture: makes the model.
        likelihood: p(x|z), fresh.
        shape: of one example.
        log_volume: as in `betafront.models.Model`.
        make_prior: makes its prior; None where it stays the model's own.
    """
    model = initialised(architecture(shape, likelihood.suit(shape)), shape)
    model.log_volume = log_volume
    if make_prior is not None:
        model.set_prior(make_prior, shape)
    return model
