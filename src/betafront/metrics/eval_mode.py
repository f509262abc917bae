"""A model in evaluation mode for as long as it is measured."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from betafront.models import VAE

P = ParamSpec("P")
T = TypeVar("T")


def evaluating(measure: Callable[Concatenate[VAE, P], T]) -> Callable[Concatenate[VAE, P], T]:
    """`measure` with its model in evaluation mode; the model is left in the mode it was in."""

    @wraps(measure)
    def measured(vae: VAE, /, *args: P.args, **kwargs: P.kwargs) -> T:
        was_training = vae.training
        vae.eval()
        try:
            return measure(vae, *args, **kwargs)
        finally:
            vae.train(was_training)

    return measured
