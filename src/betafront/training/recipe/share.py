"""A run on several devices: each process has an equal part of every batch, and of its noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.data import Batches
from betafront.errors import UserError
from betafront.models import Model
from betafront.models.batch_norm import normalises_batches
from betafront.objective import Objective
from betafront.objective.importance import fitted_to_batch
from betafront.objective.shaping import Layers, Plain
from betafront.training.recipe.trainer import Trainer


class Share(NamedTuple):
    """Which part of every batch a process has.

    Attributes:
        part: from 0 on.
        of: as many equal parts.
    """

    part: int = 0
    of: int = 1


class SharedNoise(torch.Generator):
    """A generator that every process of a run has in the same state: `standard_normal` draws the
    noise of the whole batch from it, and gives a process its part.

    Attributes:
        share: of the process.
    """

    share: Share = Share()


def noise_for(device: torch.device, share: Share) -> torch.Generator:
    """The generator of the noise of z for a process."""
    if share.of == 1:
        return torch.Generator(device)
    noise = SharedNoise(device)
    noise.share = share
    return noise


@dataclass(frozen=True)
class SharedBatches:
    """The part of every batch that a process has: the processes draw the same order.

    Attributes:
        batches: of the run.
        share: of the process.
    """

    batches: Batches
    share: Share

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Tensor]:
        for batch in self.batches:
            yield batch.chunk(self.share.of)[self.share.part]


def check_devices(trainer: Trainer, examples: int, model: Model, objective: Objective) -> None:
    """Refuse to share what the result of a single process could not be had of.

    Args:
        trainer: of the run.
        examples: of the training split.
        model, objective: of the run.

    Raises:
        UserError: naming what it is.
    """
    if trainer.devices == 1:
        return
    many = f"trainer.devices={trainer.devices}"
    size = min(trainer.batch_size, examples)
    if size % trainer.devices:
        raise UserError(
            f"{many} have equal parts of a batch, and {size} examples have none: change "
            "trainer.batch_size"
        )
    compared = ""
    if objective.penalties:
        compared = "penalties compare the examples of a batch: leave them out"
    elif not isinstance(objective.shaping, Plain | Layers):
        name = type(objective.shaping).__name__
        compared = f"{name} reads the mean KL of a batch: use shaping=plain"
    elif fitted_to_batch(model.likelihood):
        compared = "an optimal scale is that of a batch: use likelihood.mode=learned"
    elif normalises_batches(model):
        compared = "batch normalisation is that of a batch: use model.batch_norm=false"
    if compared:
        raise UserError(f"{many} have a part of each batch, and {compared}")
