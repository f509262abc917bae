"""One of the runs that are trained together."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
import torch

from betafront.data import Data
from betafront.data.batches import TensorBatches
from betafront.data.seeded import seeded
from betafront.training.attempt import Attempt
from betafront.training.folder import RunFolder
from betafront.training.generators import every_gpu, global_state, restore_global
from betafront.training.lightning.checkpoint import Checkpoint
from betafront.training.lightning.deadline import limits
from betafront.training.state import RunState


class Member:
    """A run among others that take their steps with it: what happens to it between two steps.

    Args:
        attempt: at the run.
        data: of the run, on the device.
        trainer: Lightning's, of all of them.

    Attributes:
        state: of the run, with its optimiser.
        batches: of the training split, in the order of the run.
        error: what ended the attempt; None where nothing did.
    """

    def __init__(self, attempt: Attempt, data: Data, trainer: pl.Trainer) -> None:
        run, settings = attempt.run, attempt.run.trainer
        self.attempt = attempt
        self.data = data
        self.trainer = trainer
        self.limits = limits(attempt.seconds, attempt.dropped)
        self.error: Exception | None = None
        attempt.folder.mkdir(parents=True, exist_ok=True)
        place = RunFolder(attempt.folder).checkpoint
        self.checkpoint = Checkpoint(place, settings.checkpoint_seconds, attempt.halt)
        device = trainer.strategy.root_device
        with seeded(run.seed, every_gpu()):
            self.state = RunState(run, device).to(device)
            self.state.make_optimizer()
            self.checkpoint.restore(trainer, self.state)
            self._global = global_state()
        batches = data.batches("train", settings.batch_size, self.state.generators.order)
        assert isinstance(batches, TensorBatches)  # as `why_alone` has seen
        self.batches = batches
        self._validation = data.batches("val", 1000)

    @contextmanager
    def own_globals(self) -> Iterator[None]:
        """With the global generators of torch as they are in the run alone."""
        elsewhere = global_state()
        restore_global(self._global)
        try:
            yield
        finally:
            self._global = global_state()
            restore_global(elsewhere)

    def begin(self, runs: int) -> None:
        """Training begins, of so many runs."""
        for limit in self.limits:
            limit.begin(runs)

    def after_step(self) -> None:
        """Validate the run where it is due, and end it where it ends.

        Raises:
            Exception: what ends the attempt.
        """
        state = self.state
        if state.cadence.due(state.step) and state.step != state.validated:
            state.refuse_lost()
            self._validate()
        for limit in self.limits:
            limit.after_step(state)

    def _validate(self) -> None:
        state = self.state
        noise = torch.Generator(state.generators.noise.device).manual_seed(state.seed)
        with self.own_globals():
            kept = global_state()
            row = state.validate(self._validation, noise)
            restore_global(kept)
        self.attempt.report(row)

    def after_epoch(self) -> None:
        """Write a checkpoint, where it is time to.

        Raises:
            Halted: the run is to stop here.
        """
        with self.own_globals():
            self.checkpoint.after_epoch(self.trainer, self.state)

    def after_last(self) -> None:
        """Write the checkpoint of a run that has ended."""
        with self.own_globals():
            self.checkpoint.after_last(self.trainer, self.state)
