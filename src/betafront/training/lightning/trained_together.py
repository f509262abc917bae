"""Training several runs as one program."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytorch_lightning as pl
import torch

from betafront.data import Data
from betafront.errors import one_line
from betafront.training.attempt import Attempt
from betafront.training.lightning.member import Member
from betafront.training.lightning.stack_module import Epochs, StackModule
from betafront.training.lightning.stretches import Stretches
from betafront.training.lightning.trained import ask_the_driver, fit_by
from betafront.training.lightning.trainer import lightning_trainer
from betafront.training.recipe.clipping import Clip
from betafront.training.stacked.alike import (
    NotStackable,
    noise_of,
    why_apart,
    why_made_alone,
)
from betafront.training.stacked.stack import Stack
from betafront.training.state import RunState


@dataclass
class Together:
    """What came of runs that were to be trained together, each by the number of its attempt.

    Attributes:
        ended: the state after the last step, and the data, both on the device; or what ended the
            attempt.
        alone: why a run is to be trained alone; empty where no other was left.
        apart: why a run is not to be trained with the first.
        seconds: that the training took.
    """

    ended: dict[int, tuple[RunState, Data] | Exception] = field(default_factory=dict)
    alone: dict[int, str] = field(default_factory=dict)
    apart: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0


def trained_together(attempts: Mapping[int, Attempt]) -> Together:
    """Train runs of one frame (`betafront.training.stacked.alike`), as many as are like the first.

    Raises:
        Exception: the steps of all of them have failed.
    """
    ask_the_driver()
    started, found = time.monotonic(), Together()
    some = next(iter(attempts.values())).run
    torch.set_num_threads(some.trainer.threads)
    trainer = lightning_trainer(some)
    members = _members(attempts, trainer, found)
    if len(members) < 2:
        found.alone |= dict.fromkeys(members, "")
        return found
    first = next(iter(members.values()))
    try:
        asked = noise_of(first.state, first.data.examples("train", some.trainer.batch_size))
    except NotStackable as reason:
        found.alone |= dict.fromkeys(members, str(reason))
        return found
    stack = Stack([m.state for m in members.values()], asked, Clip.of(some.trainer))
    module = StackModule(stack, list(members.values()))
    fit_by(trainer, module, Stretches(Epochs(module)))
    for number, member in members.items():
        found.ended[number] = member.error or (member.state, member.data)
    found.seconds = time.monotonic() - started
    return found


def _members(
    attempts: Mapping[int, Attempt], trainer: pl.Trainer, found: Together
) -> dict[int, Member]:
    """The runs that are like the first, with their states; what the others are is put down."""
    on_device: dict[int, Data] = {}
    members: dict[int, Member] = {}
    for number, attempt in attempts.items():
        data = attempt.run.data
        if id(data) not in on_device:
            on_device[id(data)] = data.to(trainer.strategy.root_device)
        try:
            member = Member(attempt, on_device[id(data)], trainer)
        except Exception as error:  # it will be raised again by the run alone
            found.alone[number] = one_line(error)
            continue
        first = next(iter(members.values()), member)
        if why := why_made_alone(member.state):
            found.alone[number] = why
        elif why := why_apart(first.state, member.state):
            found.apart[number] = why
        else:
            members[number] = member
    return members
