"""Several runs whose optimiser steps are taken as one.

The state of each run stays its own (`betafront.training.state.RunState`): while it is in a stack,
its tensors are views of the stacked ones, so that it is validated and written as any run. A run
leaves with tensors of its own, and the others form a new stack.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

import torch
from torch import Tensor, nn

from betafront.models import VAE, Model, batch_statistics
from betafront.models.drawn import Asked, drawn_before
from betafront.models.priors import Prior
from betafront.objective import Step, Terms
from betafront.objective.stacked import StackedObjective, TermTensors, taken_apart, tensors_of
from betafront.training.recipe.clipping import Clip
from betafront.training.stacked.noise import StackedNoise
from betafront.training.stacked.optimizer import StackedOptimizer, order_of, own_copy
from betafront.training.state import RunState

Tensors = Mapping[str, Tensor]


class Stack:
    """Runs that are alike (`betafront.training.stacked.alike`) and have taken as many steps.

    Args:
        runs: with their optimisers, on their device. They are put into an order in which those with
            objectives of one kind, and with equal settings of the optimiser, are neighbours.
        asked: the noise that their models ask for in a step.
        clip: of the gradient of each.

    Attributes:
        runs: in that order, which is that of the rows of a batch.
    """

    def __init__(
        self, runs: Sequence[RunState], asked: Sequence[Asked], clip: Clip | None = None
    ) -> None:
        kinds = {id(run): taken_apart(run.objective).kind for run in runs}
        number = {kind: n for n, kind in enumerate(dict.fromkeys(kinds.values()))}
        self.runs = sorted(runs, key=lambda run: (number[kinds[id(run)]], order_of(run)))
        for run in self.runs:
            run.stacked = max(run.stacked, len(self.runs))
        self.asked = asked
        self.clip = clip
        models = [run.vae for run in self.runs]
        self._parameters = _joined([dict(model.named_parameters()) for model in models])
        self._buffers = _joined([dict(model.named_buffers()) for model in models])
        self._traces = _joined([{"trace": run.trace} for run in self.runs])["trace"]
        self._leaves = {
            name: self._parameters[name].requires_grad_()
            for name, parameter in models[0].named_parameters()
            if parameter.requires_grad
        }
        self._optimizer = StackedOptimizer(self.runs, self._parameters)
        self._noise = StackedNoise(self.runs, asked)
        self._model = _Called(models[0])
        self._groups = [
            _Group(list(members))
            for _, members in groupby(self.runs, key=lambda run: kinds[id(run)])
        ]

    def step(self, batch: Tensor) -> None:
        """Take an optimiser step of each run, and keep what came of it.

        Args:
            batch: (k, B, …), a batch for each run in the order of `runs`.
        """
        terms = self._terms(batch)
        taken = self._taken(terms)
        leaves = list(self._leaves.values())
        gradients = torch.autograd.grad(taken.loss.sum(), leaves, allow_unused=True)
        found = {  # laid out as the parameters, which fused optimisers take for granted
            name: gradient.contiguous()
            for name, gradient in zip(self._leaves, gradients, strict=True)
            if gradient is not None
        }
        if self.clip is not None:
            clipped = self.clip.of_runs(list(found.values()))
            found = dict(zip(found, clipped, strict=True))
        self._optimizer.step(found)
        self._record(terms, taken)

    def _terms(self, batch: Tensor) -> TermTensors:
        """What the models say of the batches."""
        objective = self.runs[0].objective
        mse, draws = objective.holds == "mse", objective.draws

        def of_one(tensors: Tensors, x: Tensor, noise: Sequence[Tensor]) -> TermTensors:
            def call(model: Model) -> Terms:
                terms: Terms = model(x, drawn_before(iter(noise)), mse=mse, draws=draws)
                return terms

            return tensors_of(self._model.with_tensors(tensors, call))

        found: TermTensors = torch.func.vmap(of_one)(self._tensors, batch, self._noise.draw())
        return found

    @property
    def _tensors(self) -> Tensors:
        return {**self._parameters, **self._buffers}

    def _taken(self, terms: TermTensors) -> Step:
        """The steps of all runs, from those of each kind of objective."""
        progress, taken, row = self.runs[0].progress, [], 0
        for group in self._groups:
            rows = slice(row, row + group.size)
            own = terms if group.size == len(self.runs) else {n: t[rows] for n, t in terms.items()}
            taken.append(group.step(own, progress))
            row += group.size
        if len(taken) == 1:
            return taken[0]
        joined = (None if name == "state" else _cat(taken, name) for name in Step._fields)
        return Step(*joined)  # type: ignore[arg-type]  # the groups have kept the states

    @torch.no_grad()
    def _record(self, terms: TermTensors, taken: Step) -> None:
        """As `RunState.record`, of all runs."""
        seen = [taken.distortion, taken.rate, taken.loss, taken.beta, taken.penalty]
        if "mse" in terms:
            seen.append(terms["mse"].mean(1))
        self._traces[:, self.runs[0].step, : len(seen)] = torch.stack(seen, 1)
        self._remember(terms)
        for run in self.runs:
            run.count()

    def _remember(self, terms: TermTensors) -> None:
        """Have each model keep what it learns otherwise than by gradient."""
        seen = ("statistic", "layers")
        learned: TermTensors = {name: terms[name].detach() for name in seen if name in terms}

        def of_one(tensors: Tensors, learned: TermTensors) -> list[Tensor]:
            def call(model: Model) -> list[Tensor]:
                model.remember(learned.get("statistic"))
                batch_statistics.remember(model, learned.get("layers"))
                return self._model.buffers_now()

            kept: list[Tensor] = self._model.with_tensors(tensors, call)
            return kept

        moved = self._tensors if self._model.moves_parameters else self._buffers
        if not moved:
            return
        kept = torch.func.vmap(of_one, (0, 0 if learned else None))(moved, learned)
        for buffer, value in zip(self._buffers.values(), kept, strict=True):
            buffer.copy_(value)

    def give_back(self) -> None:
        """Bring the optimiser of each run up to date, as a checkpoint of it needs."""
        self._optimizer.give_back()

    def without(self, leaving: Iterable[RunState]) -> "Stack | None":
        """The stack of the other runs; None where there are none. Those that leave have tensors of
        their own from here on."""
        self.give_back()
        gone = {id(run): run for run in leaving}
        for run in gone.values():
            _give_own_tensors(run)
        left = [run for run in self.runs if id(run) not in gone]
        return Stack(left, self.asked, self.clip) if left else None


class _Group:
    """Neighbours in a stack whose objectives are of one kind."""

    def __init__(self, runs: Sequence[RunState]) -> None:
        self.size = len(runs)
        self.objective = StackedObjective([r.objective for r in runs], runs[0].vae.own_tensor())
        self.states = _joined([{"controller": run.controller} for run in runs])["controller"]

    def step(self, terms: TermTensors, progress: float) -> Step:
        """The step of each run; the states of their controllers are kept."""
        taken = self.objective.step(terms, progress, self.states)
        self.states.copy_(taken.state)
        return taken


class _Called(nn.Module):
    """A model that can be called with the tensors of another one of the same kind."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        every = list(model.named_parameters(remove_duplicate=False))
        self.tied = len(every) > len(list(model.parameters()))
        self.moves_parameters = _moves_parameters(model)
        self._places = [
            (model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2])
            for name, _ in model.named_buffers()
        ]

    def forward(self, call: Callable[[Model], Any]) -> Any:
        return call(self.model)

    def with_tensors(self, tensors: Tensors, call: Callable[[Model], Any]) -> Any:
        """What `call` gives of the model while it has these parameters and buffers."""
        named = {f"model.{name}": tensor for name, tensor in tensors.items()}
        return torch.func.functional_call(self, named, (call,), tie_weights=self.tied)

    def buffers_now(self) -> list[Tensor]:
        """The buffers of the model, also where a layer has put a new tensor in place of one."""
        return [getattr(module, name) for module, name in self._places]


def _moves_parameters(model: Model) -> bool:
    """Whether a step moves parameters otherwise than by gradient, as far as is known."""
    if not isinstance(model, VAE) or type(model).remember is not VAE.remember:
        return True
    return type(model.p_z).after_step is not Prior.after_step


def _joined(of_runs: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """(k, …) tensors by name, of which those of the runs become views."""
    joined = {}
    for name in of_runs[0]:
        own = [tensors[name] for tensors in of_runs]
        joined[name] = torch.stack([tensor.detach() for tensor in own])
        for tensor, row in zip(own, joined[name], strict=True):
            tensor.data = row
    return joined


def _give_own_tensors(run: RunState) -> None:
    """Give the tensors of a run, and of its optimiser, memory of their own."""
    for tensor in chain(run.parameters(), run.buffers()):
        tensor.data = tensor.data.clone()
    for state in run.optimizer.state.values():
        for name, value in state.items():
            state[name] = own_copy(value)


def _cat(taken: Sequence[Step], name: str) -> Tensor:
    return torch.cat([getattr(each, name) for each in taken])
