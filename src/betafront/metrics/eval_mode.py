"""A model in evaluation mode for as long as a metric measures it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from betafront.models import Model, evaluating

P = ParamSpec("P")
T = TypeVar("T")


def in_eval_mode(metric: Callable[Concatenate[Model, P], T]) -> Callable[Concatenate[Model, P], T]:
    """`metric` with its model in evaluation mode; the model is left in the mode it was in."""

    @wraps(metric)
    def wrapper(model: Model, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with evaluating(model):
            return metric(model, *args, **kwargs)

    return wrapper
