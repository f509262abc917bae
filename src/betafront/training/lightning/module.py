"""A run as a Lightning module: the objective per step, the record per epoch.

The module only drives a run; what changes in training belongs to its `RunState`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from betafront.data import Batches
from betafront.objective import Step, Terms
from betafront.training.generators import global_state, restore_global
from betafront.training.history import Row
from betafront.training.lightning.loggers import tell
from betafront.training.recipe.aggressive import endless
from betafront.training.recipe.clipping import Clip
from betafront.training.recipe.step_means import StepMeans, mean_of
from betafront.training.state import RunState

Report = Callable[[Row], None]


class TrainingModule(pl.LightningModule):
    """Trains one run. It is the module that a callback of the user's sees: `state` has the model,
    its average, the history and the step, `trainer.callback_metrics` the newest row of the history.

    Args:
        state: of the run.
        validation: the batches of the validation split, the same at every call.
        report: called with each new row of the history.
        accumulate: batches of an optimiser step; an epoch has whole steps alone.
        clip: of the gradient; None where it is left as it is.
        of_encoder: the batches of the encoder's own updates, where it has any.
        observed: whether callbacks of the user's may read `trainer.callback_metrics`. To keep those
            takes Lightning as long as some training steps of a small model.
    """

    def __init__(
        self,
        state: RunState,
        validation: Batches,
        report: Report,
        accumulate: int = 1,
        clip: Clip | None = None,
        of_encoder: Batches | None = None,
        observed: bool = False,
    ) -> None:
        super().__init__()
        self.state = state
        self.validation = validation
        self.report = report
        self.accumulate = accumulate
        self.clip = clip
        self.of_encoder = of_encoder
        self.observed = observed
        self._seen: list[StepMeans] = []  # the batches of a step, in order

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.state.make_optimizer()

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        self._train_encoder()
        terms, taken = self._loss(batch)
        # An optimiser may ask for the same batch again, as L-BFGS does: the last answer counts.
        self._seen[index % self.accumulate :] = [StepMeans.of(terms, taken)]
        return taken.loss

    def _loss(self, batch: Tensor) -> tuple[Terms, Step]:
        state = self.state
        objective, noise = state.objective, state.generators.noise
        terms: Terms = state.vae(batch, noise, mse=objective.holds == "mse", draws=objective.draws)
        return terms, objective.step(terms, state.progress, state.controller)

    def _train_encoder(self) -> None:
        """Train the encoder alone before a step, where the run says so."""
        state = self.state
        if state.aggressive is None or self.of_encoder is None:
            return
        state.aggressive.before_step(
            state.vae,
            state.optimizer,
            self._placed(endless(self.of_encoder)),
            lambda batch: self._loss(batch)[1].loss,
            self.clip,
        )

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        if self.state.aggressive is not None:
            self.state.aggressive.keep_encoder(self.state.vae)

    def _placed(self, batches: Iterable[Tensor]) -> Iterator[Tensor]:
        """Batches where the model is, in its precision."""
        plugin, strategy = self.trainer.precision_plugin, self.trainer.strategy
        return (plugin.convert_input(strategy.batch_to_device(batch)) for batch in batches)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        if self.clip is None:
            return
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            scaler.unscale_(optimizer)  # a fused one would do that after it was clipped
        self.clip(self.state.vae.parameters())

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        seen = mean_of(self._seen)
        if self.trainer.world_size > 1:
            seen = seen.over_devices(self._mean_over_devices)
        self.state.record(seen)

    def _mean_over_devices(self, values: Tensor) -> Tensor:
        found: Tensor = self.trainer.strategy.reduce(values, reduce_op="mean")  # type: ignore[assignment]
        return found

    def on_train_epoch_end(self) -> None:
        """Stop a run that diverged: looked for once per epoch, since asking a device at every step
        would make it wait.

        Raises:
            Diverged: a loss is NaN or infinite.
        """
        self.state.refuse_lost()

    def on_train_start(self) -> None:
        self.trainer.should_stop = self.state.ended  # by its patience, before it was stopped
        for row in self.state.history:  # of earlier attempts, which these loggers have not seen
            tell(self.trainer.loggers, row)

    def on_train_batch_end(self, *_: Any) -> None:
        state, trainer = self.state, self.trainer
        alone = trainer.world_size == 1
        due = state.cadence.due(state.step) or (alone and trainer.should_stop)
        if not due or state.step == state.validated:
            return
        self.on_train_epoch_end()
        if trainer.is_global_zero:
            self._validate()
        if not alone:
            self._hear_of_it()
        trainer.should_stop = trainer.should_stop or state.ended

    def _hear_of_it(self) -> None:
        """Have every process know what the first, which validates alone, has found."""
        state, groups = self.state, self.state.optimizer.param_groups
        said: Any = None
        if self.trainer.is_global_zero:
            said = state.history[-1], state.ended, [group["lr"] for group in groups]
        row, ended, rates = self.trainer.strategy.broadcast(said)
        if not self.trainer.is_global_zero:
            state.history.append(row)
            state.stopped = ended
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate

    def _validate(self) -> None:
        """A row of the history: Lightning's own loop knows no validation after the last step of a
        run that ends within an epoch, nor one that keeps to the same steps after a checkpoint."""
        state, device = self.state, self.device
        elsewhere = global_state()  # of which a module of the user's may draw
        with self.trainer.precision_plugin.val_step_context():
            noise = torch.Generator(device).manual_seed(state.seed)
            row = state.validate(self._placed(self.validation), noise)
            if state.aggressive is not None:
                some = next(self._placed(self.validation))
                state.aggressive.after_validation(state.step, state.vae, some)
        restore_global(elsewhere)
        if self.observed:
            self.log_dict(dict(row), logger=False, on_step=True, on_epoch=False)
        tell(self.trainer.loggers, row)
        self.report(row)
