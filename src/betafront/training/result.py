"""What a run leaves behind: a frozen record, and the files it stands in."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from betafront.errors import UserError
from betafront.files import write_whole
from betafront.training.folder import RunFolder


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


class TimedOut(Exception):
    """Training took longer than it was given.

    Args:
        step: optimiser steps taken.
        seconds: that it was given.
    """

    def __init__(self, step: int, seconds: float) -> None:
        super().__init__(f"training took longer than {seconds:g} s: it was at step {step}")
        self.step = step
        self.seconds = seconds

    def __reduce__(self) -> tuple[type["TimedOut"], tuple[int, float]]:
        return TimedOut, (self.step, self.seconds)


@dataclass(frozen=True)
class Result:
    """One finished run.

    Attributes:
        metrics: final values by split, `val/rate`, `test/distortion` and so on (nats per example
            where a quantity has a unit).
        scale: where the run stands on the one scale: `weight` as written, `beta`, `beta_norm`,
            `sigma` (Gaussians), `pixels` N, `latents` M. Under a controller β is the mean
            over the last tenth of the steps and `beta_spread` its standard deviation; under a
            capacity or free bits β is that of the trained model (`metrics.stationary_beta`) and
            `beta_spread` its standard error. `holds` says what was held to `target`, `came_to`
            where it was over the last tenth of the steps, and `reached` whether that is it.
        spectrum: mean KL per latent dimension on the validation split, in nats.
        settings: what the metrics depend on (draws, threshold, examples per split).
        history: values per logged epoch, each row with its `step`.
        data: the data's name and digest, and the number of examples per split.
        seed: of the run.
        seconds: wall-clock time of training and evaluation.
        folder: where the run's files are.
        costs: seconds that each further metric took, on both splits.
    """

    metrics: dict[str, float]
    scale: dict[str, Any]
    spectrum: list[float]
    settings: dict[str, float | str]
    history: list[dict[str, float]]
    data: dict[str, Any]
    seed: int
    seconds: float
    folder: str
    costs: dict[str, float] = field(default_factory=dict)

    def save(self) -> None:
        """Write `result.json`, whole or not at all: where it stands, the run had finished."""
        record = asdict(self)
        del record["folder"]  # a run folder may be moved
        write_whole(RunFolder(Path(self.folder)).result, json.dumps(record, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "Result":
        """Read the result of a run folder.

        Raises:
            UserError: there is none.
        """
        path = RunFolder(folder).result
        if not path.is_file():
            raise UserError(f"{folder} holds no finished run ({path.name} is missing)")
        return cls(**json.loads(path.read_text()), folder=str(folder))


def finite(metrics: dict[str, float]) -> bool:
    """Whether every value is a finite number."""
    return all(math.isfinite(value) for value in metrics.values())
