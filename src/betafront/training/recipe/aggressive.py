"""Aggressive training of the encoder, for as long as it lags behind (He et al. 2019).

Early in training q(z|x) is far from the posterior of the decoder, which therefore learns to do
without z. Before each step of the decoder the encoder alone is then trained on batches of its own,
until their objective no longer improves; the step itself leaves the encoder as it is. Once the
mutual information of x and z under q, looked at once an epoch, no longer rises, encoder and decoder
are trained together.
"""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, Optimizer

from betafront.data import Batches, Data
from betafront.errors import UserError
from betafront.metrics.decomposition import decomposed
from betafront.models import Model, Posterior, evaluating
from betafront.training.recipe.clipping import Clip
from betafront.training.recipe.trainer import Trainer

WINDOW = 15
"""Updates whose mean objective is compared with that of as many before (their code, text.py)."""

EXAMPLES = 1000
"""Of the validation split, at most, of which the mutual information is estimated."""

OWN_STREAM = 0x6C616767  # keeps the order of the encoder's batches apart from that of the run


class Aggressive:
    """The encoder's own updates in one run.

    Args:
        most: updates before a step.
        epoch: optimiser steps of a pass over the data.
        seed: of the run.

    Attributes:
        on: whether the encoder still lags behind.
        judged: the step at which the mutual information was last looked at.
        best: the greatest that was found, in nats.
        updates: of the encoder alone, before each step that was taken.
        order: of the encoder's batches; on the CPU.
    """

    def __init__(self, most: int, epoch: int, seed: int) -> None:
        self.most = most
        self.epoch = epoch
        self.on = True
        self.judged = 0
        self.best = 0.0
        self.updates: list[int] = []
        self.order = torch.Generator().manual_seed(seed ^ OWN_STREAM)

    def batches(self, data: Data, size: int) -> Batches:
        """What the encoder is trained on: each pass is begun anew, in an order of its own."""
        return data.batches("train", size, self.order)

    def before_step(
        self,
        model: Model,
        optimizer: Optimizer,
        batches: Iterator[Tensor],
        loss: Callable[[Tensor], Tensor],
        clip: Clip | None,
    ) -> None:
        """Train the encoder alone before a step, which counts as one whether it is trained or not.

        The mean loss of each `WINDOW` updates is compared with that of the ones before; where it is
        not less, or after `most` updates, the encoder has caught up.

        Args:
            model: in training mode.
            optimizer: of all of its parameters; those without a gradient it leaves alone.
            batches: without an end, on the device of the model.
            loss: of a batch, in the user's own convention.
            clip: of the gradient; None where it is left as it is.
        """
        taken = self._train(model, optimizer, batches, loss, clip) if self.on else 0
        self.updates.append(taken)

    def _train(
        self,
        model: Model,
        optimizer: Optimizer,
        batches: Iterator[Tensor],
        loss: Callable[[Tensor], Tensor],
        clip: Clip | None,
    ) -> int:
        encoder = [p for p in model.encoder_parameters() if p.requires_grad]
        optimizer.zero_grad(set_to_none=True)
        taken, before, seen = 0, math.inf, list[Tensor]()
        for batch in islice(batches, self.most):
            value = loss(batch)
            gradients = torch.autograd.grad(value, encoder, allow_unused=True)
            for parameter, gradient in zip(encoder, gradients, strict=True):
                parameter.grad = gradient
            if clip is not None:
                clip(encoder)
            optimizer.step()
            taken += 1
            seen.append(value.detach())
            if len(seen) == WINDOW:
                mean, seen = float(torch.stack(seen).mean()), []
                if not mean < before:
                    break
                before = mean
        optimizer.zero_grad(set_to_none=True)
        return taken

    def keep_encoder(self, model: Model) -> None:
        """Have a step leave the encoder as it is, once its gradients are there."""
        if self.on:
            for parameter in model.encoder_parameters():
                parameter.grad = None

    def after_validation(self, step: int, model: Model, x: Tensor) -> None:
        """End it where the mutual information is below the greatest that there was, an epoch or
        more after it was last looked at.

        Args:
            step: optimiser steps taken.
            model: that is trained.
            x: (n, …) examples of the validation split, on its device.
        """
        if self.on and step - self.judged >= self.epoch:
            found = mutual_information(model, x[:EXAMPLES])
            self.on, self.best, self.judged = found >= self.best, max(found, self.best), step

    @property
    def settings(self) -> dict[str, float | str]:
        """What the result of a run says of it: its updates are steps of the encoder too."""
        return {
            "aggressive/encoder_updates": sum(self.updates),
            "aggressive/steps": sum(n > 0 for n in self.updates),
        }

    def snapshot(self) -> dict[str, Any]:
        """All of it, for `restore`."""
        return {
            "on": self.on,
            "judged": self.judged,
            "best": self.best,
            "updates": self.updates,
            "order": self.order.get_state(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from what `snapshot` returned."""
        self.on, self.judged, self.best = (snapshot[key] for key in ("on", "judged", "best"))
        self.updates = list(snapshot["updates"])
        self.order.set_state(snapshot["order"])


def endless(batches: Batches) -> Iterator[Tensor]:
    """The batches of one pass after the other."""
    while True:
        yield from batches


@torch.no_grad()
def mutual_information(model: Model, x: Tensor) -> float:
    """I(x; z) under q, in nats, of (n, …) examples (`betafront.metrics.decomposition`)."""
    with evaluating(model):
        posterior = model.encode(x)
    found = decomposed(Posterior(*(part.double() for part in posterior)))
    return found.values["mutual_information"]


def check_aggressive(trainer: Trainer, model: Model, optimizer: Optimizer) -> None:
    """Refuse to train an encoder by itself where that cannot be.

    Args:
        trainer: of the run.
        model: like that of the run.
        optimizer: of the model.

    Raises:
        UserError: naming the reason.
    """
    if trainer.aggressive is None:
        return
    of = f"trainer.aggressive={trainer.aggressive}"
    if isinstance(optimizer, LBFGS):
        raise UserError(f"{of}: L-BFGS has no steps of some parameters alone: use optimizer=adam")
    if not any(parameter.requires_grad for parameter in model.encoder_parameters()):
        raise UserError(f"{of}: the model has no parameters of its encoder alone to train")
    if not model.gaussian_posterior:
        raise UserError(
            f"{of} ends by the mutual information of x and z, which is known where q(z|x) is a "
            "diagonal Gaussian, and that of this model is another: leave it out"
        )
