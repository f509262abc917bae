"""Several runs as one Lightning module."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from betafront.data.batches import side_by_side
from betafront.training.lightning.member import Member
from betafront.training.stacked.stack import Stack


class Epochs:
    """The batches of a stack, of which each pass is an epoch of the members that there are at its
    beginning.

    Args:
        module: whose members they are of.
    """

    def __init__(self, module: "StackModule") -> None:
        self.module = module

    def __len__(self) -> int:
        return len(self.module.members[0].batches)

    def __iter__(self) -> Iterator[Tensor]:
        return side_by_side([member.batches for member in self.module.members])


class StackModule(pl.LightningModule):
    """Trains a stack. A batch is a stretch of whole epochs, as of
    `betafront.training.lightning.stretches.StretchModule`, until one ends at which a run was
    validated, or the last run does.

    Args:
        stack: of the states of the members.
        members: what happens to each run between two steps.
    """

    def __init__(self, stack: Stack, members: Sequence[Member]) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.stack: Stack | None = stack
        self._every = {id(member.state): member for member in members}
        self.members = self._in_order()

    def _in_order(self) -> list[Member]:
        """The members that are left, in the order of the rows of the stack."""
        return [self._every[id(run)] for run in self.stack.runs] if self.stack else []

    def configure_optimizers(self) -> None:
        """The stack has them."""

    def on_train_start(self) -> None:
        for member in self.members:
            member.checkpoint.on_train_start(self.trainer, self)
            member.begin(len(self.members))
        self._leave([member for member in self.members if member.state.ended])

    def training_step(self, stretch: Any, index: int) -> None:
        while self.members:
            at_first = list(self.members)
            for batch in stretch:
                self._step(self._rows(batch, at_first))
                if not self.members or self.trainer.received_sigterm:
                    break
            if self.trainer.received_sigterm or self._after_epoch():
                break
        self.trainer.should_stop = not self.members  # it counts no steps of a stretch

    def _rows(self, batch: Tensor, at_first: list[Member]) -> Tensor:
        """What the members that are left have of a batch of those at the beginning of the epoch."""
        if len(at_first) == len(self.members):
            return batch
        return batch[[at_first.index(member) for member in self.members]]

    def _step(self, batch: Tensor) -> None:
        assert self.stack is not None
        self.stack.step(batch)
        self._each(Member.after_step)
        self._leave([member for member in self.members if member.error or member.state.ended])

    def _after_epoch(self) -> bool:
        """What comes after an epoch; whether a run was validated at its end."""
        validated = [m for m in self.members if m.state.validated == m.state.step]
        if validated and self.stack is not None:
            self.stack.give_back()
            self._each(Member.after_epoch)
            self._leave([member for member in self.members if member.error])
        return bool(validated)

    def _each(self, call: Callable[[Member], None]) -> None:
        """Call each member; what ends one of them leaves the others as they are."""
        for member in self.members:
            try:
                call(member)
            except Exception as error:
                member.error = error

    def _leave(self, leaving: list[Member]) -> None:
        """Take members out of the stack."""
        if not leaving or self.stack is None:
            return
        self.stack = self.stack.without(member.state for member in leaving)
        self.members = self._in_order()
        for member in leaving:
            if member.error is None:
                self._last(member)

    def _last(self, member: Member) -> None:
        try:
            member.after_last()
        except Exception as error:
            member.error = error
