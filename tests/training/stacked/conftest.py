"""Runs whose steps are taken without Lightning, in float64, alone and in a stack."""

from collections.abc import Callable, Sequence
from itertools import chain, islice, repeat

import pytest
import torch
from torch import Tensor

from betafront.data.batches import TensorBatches, side_by_side
from betafront.data.seeded import seeded
from betafront.training import Run
from betafront.training.recipe.clipping import Clip
from betafront.training.recipe.step_means import StepMeans
from betafront.training.stacked.alike import noise_of, why_apart
from betafront.training.stacked.stack import Stack
from betafront.training.state import RunState

Compare = Callable[[Sequence[Run]], None]


def fresh(run: Run) -> RunState:
    """The state of a run before its first step, in float64: there rounding has no time to grow."""
    with seeded(run.seed):
        state = RunState(run, torch.device("cpu"))
    state.vae.double()
    if state.average is not None:
        state.average.double()
    state.controller.data = state.controller.double()
    state.make_optimizer()
    return state


def batches(run: Run, state: RunState) -> TensorBatches:
    """Of an epoch of the run."""
    x = run.data.examples("train").double()
    return TensorBatches(x, run.trainer.batch_size, state.generators.order)


def alone(run: Run) -> RunState:
    """The state of a run that has taken its steps by itself."""
    state, clip = fresh(run), Clip.of(run.trainer)
    objective = state.objective
    for x in islice(chain.from_iterable(repeat(batches(run, state))), run.trainer.steps):
        mse, draws = objective.holds == "mse", objective.draws
        terms = state.vae(x, state.generators.noise, mse=mse, draws=draws)
        taken = objective.step(terms, state.progress, state.controller)
        state.optimizer.zero_grad()
        taken.loss.backward()
        if clip is not None:
            clip(state.vae.parameters())
        state.optimizer.step()
        state.record(StepMeans.of(terms, taken))
    return state


def together(runs: Sequence[Run]) -> list[RunState]:
    """The states of runs that have taken their steps in one stack."""
    states = [fresh(run) for run in runs]
    assert not any(why_apart(states[0], state) for state in states)
    x = runs[0].data.examples("train", runs[0].trainer.batch_size).double()
    stack = Stack(states, noise_of(states[0], x), Clip.of(runs[0].trainer))
    run_of = dict(zip(map(id, states), runs, strict=True))
    each = [batches(run_of[id(state)], state) for state in stack.runs]
    epochs = chain.from_iterable(side_by_side(each) for _ in repeat(None))
    for batch in islice(epochs, runs[0].trainer.steps):
        stack.step(batch)
    stack.without(states)
    return states


def close(found: Tensor, expected: Tensor, tolerance: float, what: str) -> None:
    torch.testing.assert_close(
        found, expected, rtol=tolerance, atol=tolerance, equal_nan=True,
        msg=lambda said: f"{what}: {said}",
    )  # fmt: skip


@pytest.fixture
def same_alone_and_together() -> Compare:
    """Compares the weights, the controller, the trace and the optimiser of runs after their steps:
    those of a stack with those of the same runs alone."""

    def compare(runs: Sequence[Run]) -> None:
        for number, (run, found) in enumerate(zip(runs, together(runs), strict=True)):
            expected = alone(run)
            assert found.step == expected.step == run.trainer.steps
            for name, tensor in expected.state_dict().items():
                of_float32 = name == "trace"  # as the trace of any run
                close(found.state_dict()[name], tensor, 1e-5 if of_float32 else 1e-8, name)
            mine, theirs = found.optimizer.state_dict(), expected.optimizer.state_dict()
            assert mine["param_groups"] == theirs["param_groups"], number
            for parameter, state in theirs["state"].items():
                for name, value in state.items():
                    if isinstance(value, Tensor):
                        close(mine["state"][parameter][name], value, 1e-8, name)
            for own, other in zip(
                (found.generators.noise, found.generators.order),
                (expected.generators.noise, expected.generators.order),
                strict=True,
            ):
                assert torch.equal(own.get_state(), other.get_state())

    return compare
