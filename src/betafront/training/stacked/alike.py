"""Which runs can be stacked: where one cannot, why."""

import random
from collections.abc import Hashable
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from betafront.data.batches import TensorBatches
from betafront.errors import one_line
from betafront.models import Family, Model
from betafront.models.drawn import Asked, noting
from betafront.training.generators import global_state
from betafront.training.run import Run
from betafront.training.stacked.optimizer import ELEMENTWISE
from betafront.training.state import RunState

OF_MODULES = vars(nn.Module()).keys() - {"training"}
"""Attributes that every module has, which hold its parts and its tensors."""


class NotStackable(Exception):
    """A run has to be trained alone; the text says why."""


def why_alone(run: Run) -> str:
    """Why a run is stacked with no other, as far as its parts say it; empty where it may be."""
    settings, data = run.trainer, run.data
    for reason, there in (
        ("it has callbacks", run.callbacks),
        ("it has loggers", run.loggers),
        (f"trainer.devices={settings.devices}", settings.devices > 1),
        (f"trainer.accumulate={settings.accumulate}", settings.accumulate > 1),
        (f"trainer.precision={settings.precision}", settings.precision != "32-true"),
        (f"trainer.aggressive={settings.aggressive}", settings.aggressive is not None),
        ("its examples are sequences of symbols", data.symbols is not None),
    ):
        if there:
            return reason
    try:
        batches = data.batches("train", settings.batch_size, torch.Generator())
    except Exception as error:  # of data of the user's own, which the run will raise again
        return one_line(error)
    in_memory = isinstance(batches, TensorBatches) and isinstance(batches.x, Tensor)
    return "" if in_memory else "its data does not lie in memory"


def frame_of(run: Run) -> Hashable:
    """Equal for runs that may be stacked with each other, as far as their parts say it: as many
    steps, on batches of the same shape, on the same device.

    Raises:
        NotStackable: the run is stacked with no other.
    """
    if why := why_alone(run):
        raise NotStackable(why)
    settings, data = run.trainer, run.data
    sizes = data.size("train"), data.size("val")
    clip = settings.clip_norm, settings.clip_value
    return (
        settings.steps,
        settings.batch_size,
        settings.accelerator,
        settings.threads,
        *clip,
        data.shape,
        sizes,
    )


def why_made_alone(run: RunState) -> str:
    """As `why_alone`, as far as its model and its optimiser say it."""
    kind = type(run.optimizer)
    if kind not in ELEMENTWISE:
        return f"{kind.__name__} is not known to treat each element by itself"
    return "its model is conditioned on β" if isinstance(run.vae, Family) else ""


def why_apart(one: RunState, other: RunState) -> str:
    """Why two runs of the same frame are not stacked with each other; empty where they can be."""
    if one.step != other.step:
        return f"it goes on from step {other.step}, and not from {one.step}"
    if why := _models_apart(one.vae, other.vae):
        return why
    for what, of in (
        ("number of draws is", lambda run: run.objective.draws),
        ("squared error, measured or not, is", lambda run: run.objective.holds == "mse"),
        ("optimiser is", lambda run: (type(run.optimizer), _groups(run))),
    ):
        if of(one) != of(other):
            return f"its {what} not that of the others"
    return ""


def _groups(run: RunState) -> list[list[str]]:
    """The names of the parameters in each group of the optimiser."""
    names = {id(parameter): name for name, parameter in run.vae.named_parameters()}
    return [[names[id(p)] for p in group["params"]] for group in run.optimizer.param_groups]


def _models_apart(one: Model, other: Model) -> str:
    """In what two models differ beside the values of their tensors."""
    mine, theirs = dict(one.named_modules()), dict(other.named_modules())
    if mine.keys() != theirs.keys():
        return "its model has other parts"
    for name, module in mine.items():
        where = f"{name} of its model" if name else "its model"
        if type(module) is not type(theirs[name]):
            return f"{where} is a {type(theirs[name]).__name__}"
        if _shapes(module) != _shapes(theirs[name]):
            return f"{where} has other shapes"
        for attribute, value in _plain(module).items():
            if not _same(value, vars(theirs[name]).get(attribute)):
                return f"{attribute} of {where} is another"
    return ""


def _shapes(module: nn.Module) -> dict[str, Any]:
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return {name: (tensor.shape, tensor.dtype, tensor.requires_grad) for name, tensor in own}


def _plain(module: nn.Module) -> dict[str, Any]:
    """What a module has beside its parts and tensors."""
    own = {name: v for name, v in vars(module).items() if name not in OF_MODULES}
    return {name: v for name, v in own.items() if not isinstance(v, nn.Module)}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    try:
        return bool(one == other)
    except Exception:  # of a comparison that gives no truth
        return False


def noise_of(run: RunState, x: Tensor) -> list[Asked]:
    """The noise that the model of a run asks for in a step.

    Args:
        run: of any that are to be stacked.
        x: (B, …) a batch.

    Raises:
        NotStackable: the model cannot be called together with others.
    """
    noise, objective = noting(x.device), run.objective
    before, own = _generators(), noise.get_state()
    buffers = {name: buffer.clone() for name, buffer in run.vae.named_buffers()}
    kept = {name: _counts(module) for name, module in run.vae.named_modules()}
    try:
        with torch.no_grad():
            run.vae(x, noise, mse=objective.holds == "mse", draws=objective.draws)
    except Exception as error:
        raise NotStackable(f"its model cannot be called: {one_line(error)[:200]}") from error
    if not _same(before, _generators()):
        raise NotStackable("its model draws from the global generators, as dropout does")
    if not torch.equal(own, noise.get_state()):
        raise NotStackable("its model draws other numbers than those of a normal distribution")
    if not all(torch.equal(buffers[name], now) for name, now in run.vae.named_buffers()):
        raise NotStackable("its model changes its buffers when it is called")
    if not all(_same(kept[name], _counts(m)) for name, m in run.vae.named_modules()):
        raise NotStackable("its model keeps something of a call beside its tensors")
    return noise.asked


def _counts(module: nn.Module) -> dict[str, Any]:
    """What a module may count or collect in a call, beside its tensors."""
    plain = (bool, int, float, str, list, dict, set)
    return {name: copy(v) for name, v in _plain(module).items() if type(v) in plain}


def _generators() -> list[Any]:
    """The states of the global generators of torch, NumPy and Python."""
    numpy: Any = np.random.get_state()
    of_torch = {name: bytes(state.numpy()) for name, state in global_state().items()}
    return [of_torch, bytes(numpy[1]), numpy[2], random.getstate()]
