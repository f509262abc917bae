"""The weights of lazy layers, which get their shapes from the first example that they see."""

from itertools import chain

import torch
from torch.nn.parameter import is_lazy

from betafront.models.eval_mode import evaluating
from betafront.models.model import Model, Shape, blank


@torch.no_grad()
def initialised(model: Model, shape: Shape) -> Model:
    """`model`, with the weights of its lazy layers (`torch.nn.LazyLinear`) drawn from torch's
    global generator. A model without any is left as it is.

    Args:
        model: of the user's own, perhaps.
        shape: of one example.
    """
    if any(is_lazy(tensor) for tensor in chain(model.parameters(), model.buffers())):
        with evaluating(model):  # no statistic of a batch of zeros is kept, and no dropout draws
            model.decode(model.code(blank(model, 2, shape)))
    return model
