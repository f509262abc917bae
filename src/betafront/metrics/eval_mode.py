"""A model in evaluation mode for as long as a metric measures it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from torch import nn

from betafront.models import Model

P = ParamSpec("P")
T = TypeVar("T")


def in_eval_mode(metric: Callable[Concatenate[Model, P], T]) -> Callable[Concatenate[Model, P], T]:
    """`metric` with its model in evaluation mode; the model is left in the mode it was in."""

    @wraps(metric)
    def wrapper(model: Model, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with evaluating(model):
            return metric(model, *args, **kwargs)

    return wrapper


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Have a model in evaluation mode; then each of its modules has the mode it had, as a part that
    its user keeps in evaluation mode while the rest is trained."""
    were = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in were.items():
            module.training = training
