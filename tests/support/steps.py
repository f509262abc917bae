"""The steps of a run without Lightning and without its files, for what looks at the model alone."""

from collections.abc import Iterator
from itertools import chain, islice, repeat

import torch

from betafront.data.seeded import seeded
from betafront.training import Run
from betafront.training.recipe.step_means import StepMeans
from betafront.training.state import RunState


def every_step(run: Run) -> Iterator[RunState]:
    """The state of a run, on the CPU, after each of its optimiser steps; it is one object."""
    with seeded(run.seed):
        state = RunState(run, torch.device("cpu"))
    optimizer = state.make_optimizer()
    epoch = run.data.batches("train", run.trainer.batch_size, state.generators.order)
    for x in islice(chain.from_iterable(repeat(epoch)), run.trainer.steps):
        terms = state.vae(x, state.generators.noise)
        taken = state.objective.step(terms, state.progress, state.controller)
        optimizer.zero_grad()
        taken.loss.backward()
        optimizer.step()
        state.record(StepMeans.of(terms, taken))
        yield state
