"""The optimiser of a run's model: one group of parameters, and one of the likelihood's own."""

from collections.abc import Mapping
from typing import Any

from torch.optim import LBFGS, Optimizer

from betafront.models import Model
from betafront.training.run import MakeOptimizer


def optimizer_of(model: Model, make: MakeOptimizer) -> Optimizer:
    """The optimiser of all parameters of the model.

    The parameters of a likelihood whose `lr_factor` is not 1 are a second group, with that multiple
    of the learning rate. An optimiser that already has groups, or that can have but one (L-BFGS),
    is left as it is.

    Args:
        model: where it will be trained.
        make: makes the optimiser.
    """
    optimizer = make(model.parameters())
    first, *more = optimizer.param_groups
    likelihood = model.likelihood
    own = {id(parameter) for parameter in likelihood.parameters()}
    if likelihood.lr_factor == 1 or not own or more or isinstance(optimizer, LBFGS):
        return optimizer
    scale = [p for p in first["params"] if id(p) in own]
    first["params"] = [p for p in first["params"] if id(p) not in own]
    optimizer.add_param_group({"params": scale, "lr": first["lr"] * likelihood.lr_factor})
    return optimizer


def own_factor(optimizer: Optimizer, model: Model) -> float | None:
    """The multiple of the learning rate that the second group of `optimizer_of` has; None where
    there is no such group."""
    groups, own = optimizer.param_groups, list(model.likelihood.parameters())
    alone = len(groups) == 2 and {*map(id, groups[1]["params"])} == {*map(id, own)}
    return model.likelihood.lr_factor if alone else None


def restore_optimizer(optimizer: Optimizer, model: Model, saved: Mapping[str, Any]) -> None:
    """Continue from the state of an optimiser, which may be one of an earlier version, with all
    parameters in one group."""
    if len(saved["param_groups"]) < len(optimizer.param_groups):
        del optimizer.param_groups[1:]
        optimizer.param_groups[0]["params"] = list(model.parameters())
    optimizer.load_state_dict(dict(saved))
