"""The result of a finished run, and the file that keeps it."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from betafront.errors import UserError
from betafront.files import write_whole
from betafront.training.folder import RunFolder
from betafront.training.history import Row, renamed
from betafront.training.on_the_scale import OnTheScale


@dataclass(frozen=True)
class Result:
    """What is known of a finished run.

    Attributes:
        metrics: final values by split, `val/rate`, `test/distortion` and so on (nats per example
            where a quantity has a unit).
        scale: where the run stands on the one scale.
        spectrum: mean KL per latent dimension on the validation split, in nats.
        settings: what the metrics depend on (draws, threshold, examples per split).
        history: a row per validated epoch (`betafront.training.history`).
        data: the data's name and digest, and the number of examples per split.
        seed: of the run.
        seconds: wall-clock time of training and evaluation.
        folder: where the run's files are.
        costs: seconds that each further metric took, on both splits.
    """

    metrics: dict[str, float]
    scale: OnTheScale
    spectrum: list[float]
    settings: dict[str, float | str]
    history: list[Row]
    data: dict[str, Any]
    seed: int
    seconds: float
    folder: str
    costs: dict[str, float] = field(default_factory=dict)

    def save(self) -> None:
        """Write `result.json`, whole or not at all: the run has finished where this file is."""
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
        record = json.loads(path.read_text())
        record["scale"] = OnTheScale.read(record["scale"])
        record["history"] = renamed(record["history"])
        return cls(**record, folder=str(folder))


def finite(metrics: dict[str, float]) -> bool:
    """Whether every value is a finite number."""
    return all(math.isfinite(value) for value in metrics.values())
