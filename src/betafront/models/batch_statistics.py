"""What layers learn from a batch otherwise than by gradient.

Such a layer (`betafront.models.batch_norm`) changes no buffer of its own in the forward pass. It
hands the statistic of the batch over to the model, which returns all of them in `Terms.layers`, and
`remember` keeps them once the optimiser step is taken. So a step of several batches, an optimiser
that asks for the same batch again, and several processes that share a batch each keep one statistic
per step, and a model may be called with parameters and buffers that are not its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

Found = dict[nn.Module, Tensor]

_layers: WeakKeyDictionary[nn.Module, list["LearnsFromBatches"]] = WeakKeyDictionary()

_found: ContextVar[Found | None] = ContextVar("_found", default=None)


class LearnsFromBatches(nn.Module, ABC):
    """A layer that in training mode learns something from each batch otherwise than by gradient."""

    @property
    @abstractmethod
    def kept(self) -> Tensor:
        """(k,) what it has learned, in the form of the statistic of a batch."""

    @abstractmethod
    def remember(self, statistic: Tensor) -> None:
        """Keep the statistic of a step, (k,)."""

    def hand_over(self, statistic: Tensor) -> None:
        """Give the (k,) statistic of a batch to the model that is being called, if one collects."""
        found = _found.get()
        if found is not None:
            found[self] = statistic.detach()


@contextmanager
def collecting() -> Iterator[Found]:
    """What the layers that are called inside hand over."""
    found: Found = {}
    token = _found.set(found)
    try:
        yield found
    finally:
        _found.reset(token)


def statistic_of(model: nn.Module, found: Found) -> Tensor | None:
    """(k,) the statistics of all layers of a model that learn, one after the other; None where
    there are none. A layer that was not called has what it keeps already."""
    if not found.keys() <= set(_every_layer(model)):
        del _layers[model]  # it has been given another since
    layers = _learning(model)
    return torch.cat([found.get(each, each.kept) for each in layers]) if layers else None


@torch.no_grad()
def remember(model: nn.Module, statistic: Tensor | None) -> None:
    """Have each layer of a model keep its part of what `statistic_of` gave."""
    if statistic is None:
        return
    layers = _learning(model)
    for each, part in zip(layers, statistic.split([len(e.kept) for e in layers]), strict=True):
        each.remember(part)


def _learning(model: nn.Module) -> list[LearnsFromBatches]:
    return [layer for layer in _every_layer(model) if layer.training]


def _every_layer(model: nn.Module) -> list[LearnsFromBatches]:
    """The layers of a model that learn, in any mode. They are looked for once: to walk over the
    modules at every step takes as long as a layer of a small model."""
    if model not in _layers:
        _layers[model] = [m for m in model.modules() if isinstance(m, LearnsFromBatches)]
    return _layers[model]
