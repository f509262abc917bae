"""One optimiser of the parameters of several runs, each with its own settings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from betafront.training.state import RunState

ELEMENTWISE = (
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.Adamax,
    torch.optim.ASGD,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Rprop,
    torch.optim.SGD,
)
"""Optimisers that treat each element of a parameter by itself, so that parameters may be joined."""

OF_ALL = ("step", "mu_product", "eta", "mu")
"""Of their state, what is one number for all elements of a parameter."""

Settings = dict[str, Any]


class _Part(NamedTuple):
    """A parameter of some of the runs.

    Attributes:
        name: of the parameter.
        runs: which, one after the other.
        joined: (k, …) their values, in the memory of the parameters of all runs.
    """

    name: str
    runs: range
    joined: Tensor


class StackedOptimizer:
    """An optimiser of the kind that the runs have, of which runs with equal settings are one group.
    The optimisers of the runs themselves take no steps: they hold the settings, which a schedule of
    the learning rate changes, and, once `give_back` was called, the state.

    Args:
        runs: whose optimisers are of one kind, in the same groups.
        parameters: (k, …) of the runs, by name.
    """

    def __init__(self, runs: Sequence[RunState], parameters: Mapping[str, Tensor]) -> None:
        self.runs = runs
        self.parameters = parameters
        self._parts: list[_Part] = []
        groups = [group for together in _equal(runs) for group in self._groups(together)]
        kind: Any = type(runs[0].optimizer)
        self.optimizer: Optimizer = kind([made for made, _ in groups])
        self._moving = [
            (made, number, together.start)
            for made, (number, together) in zip(
                self.optimizer.param_groups, (place for _, place in groups), strict=True
            )
            if runs[together.start].learning_rate is not None
        ]
        for part in self._parts:
            if state := self._joined_state(part):
                self.optimizer.state[part.joined] = state
        for run in runs:
            run.optimizer.state.clear()  # it is the stack's, until it is given back
            run.optimizer.step()  # without gradients: a schedule warns of one that takes no steps

    def _groups(self, together: range) -> Iterator[tuple[Settings, tuple[int, range]]]:
        """The groups of runs with equal settings, and where each comes from."""
        first = self.runs[together.start]
        names = {id(parameter): name for name, parameter in first.vae.named_parameters()}
        for number, group in enumerate(first.optimizer.param_groups):
            joined = []
            for parameter in group["params"]:
                name = names[id(parameter)]
                rows = self.parameters[name].detach()[together.start : together.stop]
                self._parts.append(_Part(name, together, rows))
                joined.append(rows)
            yield settings_of(group) | {"params": joined}, (number, together)

    def _joined_state(self, part: _Part) -> dict[str, Any]:
        each = [self._state(run, part.name) for run in part.runs]
        if not each[0]:
            return {}
        return {
            key: torch.stack([state[key] for state in each])
            if key not in OF_ALL and isinstance(value, Tensor)
            else own_copy(value)
            for key, value in each[0].items()
        }

    def _state(self, run: int, name: str) -> dict[str, Any]:
        """The state that the optimiser of a run has of a parameter."""
        found: dict[str, Any] = self.runs[run].optimizer.state.get(self._parameter(run, name), {})
        return found

    def _parameter(self, run: int, name: str) -> Tensor:
        return self.runs[run].vae.get_parameter(name)

    def step(self, gradients: Mapping[str, Tensor]) -> None:
        """A step of all runs.

        Args:
            gradients: (k, …) by the name of the parameter; of those that have one.
        """
        for made, number, run in self._moving:
            made.update(settings_of(self.runs[run].optimizer.param_groups[number]))
        for name, runs, joined in self._parts:
            gradient = gradients.get(name)
            joined.grad = None if gradient is None else gradient[runs.start : runs.stop]
        self.optimizer.step()

    def give_back(self) -> None:
        """Give the optimiser of each run the state of its parameters, as views."""
        for name, runs, joined in self._parts:
            state = self.optimizer.state[joined]
            for row, run in enumerate(runs):
                own = {
                    key: value[row] if key not in OF_ALL and isinstance(value, Tensor) else value
                    for key, value in state.items()
                }
                self.runs[run].optimizer.state[self._parameter(run, name)] = own


def settings_of(group: Mapping[str, Any]) -> Settings:
    """What a group of parameters is trained with."""
    return {key: value for key, value in group.items() if key != "params"}


def _equal(runs: Sequence[RunState]) -> list[range]:
    """Neighbours with equal settings, which no schedule can make different."""
    found: list[range] = []
    for i, run in enumerate(runs):
        before = runs[i - 1] if i else None
        if before is not None and _alike(before, run):
            found[-1] = range(found[-1].start, i + 1)
        else:
            found.append(range(i, i + 1))
    return found


def _alike(one: RunState, other: RunState) -> bool:
    if one.learning_rate is not None or other.learning_rate is not None:
        return False
    return order_of(one) == order_of(other)


def order_of(run: RunState) -> str:
    """A text that is equal for runs with equal settings, by which they can be sorted."""
    return repr([settings_of(group) for group in run.optimizer.param_groups])


def own_copy(value: Any) -> Any:
    """A value of an optimiser's state, of a tensor with memory of its own."""
    return value.clone() if isinstance(value, Tensor) else value
