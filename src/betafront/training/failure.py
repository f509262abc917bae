"""Why an attempt at a run ends without a result."""

from dataclasses import dataclass
from typing import Literal

from betafront.errors import one_line
from betafront.own_modules import users_place

Kind = Literal["diverged", "timed out", "halted", "dropped", "out of memory", "failed"]


class Diverged(Exception):
    """The loss, or the evaluation after the last step, is NaN or infinite.

    Args:
        step: the first optimiser step (from 0) whose loss was not finite.
        what: `loss` or `evaluation`.
    """

    def __init__(self, step: int, what: str = "loss") -> None:
        super().__init__(f"the {what} became NaN or infinite at step {step}")
        self.step = step
        self.what = what

    def format_message(self) -> str:
        """What happened and what may help: the line with which a command ends. It has the name of
        typer's own, by which `betafront.ending.said_of` asks any error."""
        return f"{self}: try a smaller optimizer.lr, or another likelihood"

    def __reduce__(self) -> tuple[type["Diverged"], tuple[int, str]]:
        return Diverged, (self.step, self.what)


class Halted(Exception):
    """The run was told to stop, and goes on from its checkpoint when it is fitted again.

    Args:
        step: optimiser steps taken, which the checkpoint holds.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"halted after {step} steps, with a checkpoint to go on from")
        self.step = step

    def __reduce__(self) -> tuple[type["Halted"], tuple[int]]:
        return Halted, (self.step,)


class Dropped(Exception):
    """The run was ended where it stood, since nobody waits for its result.

    Args:
        step: optimiser steps taken.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"dropped after {step} steps: nobody waits for its result")
        self.step = step

    def __reduce__(self) -> tuple[type["Dropped"], tuple[int]]:
        return Dropped, (self.step,)


class TimedOut(Exception):
    """Training took longer than the attempt was given.

    Args:
        step: optimiser steps taken.
        seconds: that the attempt was given.
    """

    def __init__(self, step: int, seconds: float) -> None:
        super().__init__(f"training took longer than {seconds:g} s: it was at step {step}")
        self.step = step
        self.seconds = seconds

    def __reduce__(self) -> tuple[type["TimedOut"], tuple[int, float]]:
        return TimedOut, (self.step, self.seconds)


@dataclass(frozen=True)
class Failure:
    """An attempt at a run that came to no result.

    Attributes:
        kind: of failure. A halted run has a checkpoint and goes on in another attempt.
        reason: the kind and the cause in one line, as the study keeps it, with the place in the
            user's own files where one of them is involved.
        error: what was raised, for callers that raise it again.
        step: optimiser steps taken; None where the error does not say.
    """

    kind: Kind
    reason: str
    error: Exception
    step: int | None = None

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        """The failure that an exception stands for."""
        match error:
            case Diverged():
                return cls("diverged", f"diverged: {error}", error, error.step)
            case TimedOut():
                return cls("timed out", f"timed out: {error}", error, error.step)
            case Halted():
                return cls("halted", str(error), error, error.step)
            case Dropped():
                return cls("dropped", str(error), error, error.step)
        from betafront.training.memory_errors import out_of_memory  # with it comes torch

        kind: Kind = "out of memory" if out_of_memory(error) else "failed"
        said = f"{kind}: {type(error).__name__}: {one_line(error)}"[:500]
        place = users_place(error) if kind == "failed" else ""
        return cls(kind, f"{said} ({place})" if place else said, error)
