"""Replicates: the runs of a trial, which differ by their seeds, and the trial's record of them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.errors import UserError
from betafront.study.trials.mean_curve import mean_curve, mean_of
from betafront.study.trials.origin import origin
from betafront.study.trials.ours import RECORD, trial_folder
from betafront.study.trials.status import Status, status
from betafront.training.folder import RunFolder
from betafront.training.result import OnTheScale
from betafront.training.standing import Standing, weightiest

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from betafront.training.result import Result

CURVE = "curve"  # the key of a record's curve, where it has one
AVERAGED = ("beta", "beta_norm", "sigma", "beta_spread", "came_to")
"""The parts of the scale of which a trial has the mean over its replicates."""


@dataclass(frozen=True)
class Record:
    """What the storage keeps of a run, or of a trial: enough for tables and fronts without its
    folders.

    Attributes:
        metrics: final values by split and name; of a trial the means over its replicates.
        scale: where it stands on the one scale; of a trial with means over its replicates.
        seconds: of training and evaluation; of a trial the sum over its replicates.
        folder: of the (first) run, below the study's.
        seed: of the (first) run.
        spread: the standard deviation of each metric over the replicates; empty for one run.
        replicates: the records of the runs; empty for one run, whose record is the trial's.
        standing: how the run stands; of a trial that of the run whose state weighs most. None where
            it was not recorded.
        curve: of a model that is conditioned on β, its points (`betafront.training.result.Result`);
            of a trial their means over its replicates, with a `spread` each.
    """

    metrics: Mapping[str, float]
    scale: OnTheScale
    seconds: float
    folder: str
    seed: int | None = None
    spread: Mapping[str, float] | None = None
    replicates: "tuple[Record, ...]" = ()
    standing: Standing | None = None
    curve: "tuple[Mapping[str, Any], ...]" = ()

    @property
    def runs(self) -> "tuple[Record, ...]":
        """The records of the runs, in order; at least one."""
        return self.replicates or (self,)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Record":
        """A record as the storage keeps it; keys that this version does not know are left out."""
        return cls(
            metrics=kept["metrics"],
            scale=OnTheScale.read(kept["scale"]),
            seconds=kept["seconds"],
            folder=_below(kept["folder"]),
            seed=kept.get("seed"),
            spread=kept.get("spread"),
            replicates=tuple(cls.read(run) for run in kept.get("replicates", ())),
            standing=Standing.read(kept.get("standing")),
            curve=tuple(kept.get(CURVE, ())),
        )

    def written(self) -> dict[str, Any]:
        """What the storage keeps: of one run neither `spread` nor `replicates`, and a `curve` only
        where there is one."""
        kept: dict[str, Any] = {
            "metrics": dict(self.metrics),
            "scale": self.scale.written(),
            "seconds": self.seconds,
            "folder": self.folder,
            "seed": self.seed,
        }
        if self.standing:
            kept["standing"] = self.standing.written()
        if self.curve:
            kept[CURVE] = [dict(point) for point in self.curve]
        if self.replicates:
            kept["spread"] = dict(self.spread or {})
            kept["replicates"] = [run.written() for run in self.replicates]
        return kept


def _below(folder: str) -> str:
    """A folder as a record names it, which is one below the study's.

    Raises:
        UserError: it is another, as a storage that others write may say.
    """
    path = Path(folder)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"the storage names {folder} as a run's folder, which is not of the study")
    return folder


def record_of(trial: "FrozenTrial") -> Record:
    """The record of a trial that is complete, as it ended: without replicates that were added
    later."""
    return Record.read(trial.user_attrs[RECORD])


def number_of_runs(trial: "FrozenTrial") -> int:
    """How many runs a complete trial had when it ended; the record is not read, which takes longer
    than a claim in a study of thousands can spare."""
    return len(trial.user_attrs[RECORD].get("replicates") or [RECORD])


def record_of_run(result: "Result", study: Path) -> Record:
    """What the storage keeps of one run.

    Args:
        result: of the run.
        study: the folder of the study.
    """
    return Record(
        metrics=result.metrics,
        scale=result.scale,
        seconds=round(result.seconds, 3),
        folder=str(Path(result.folder).relative_to(study)),
        seed=result.seed,
        standing=result.standing,
        curve=tuple(result.curve),
    )


def record_of_runs(runs: Sequence[Record]) -> Record:
    """The record of a trial: the means over its replicates, and their standard deviations.

    Args:
        runs: of the trial, in order; at least one.
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    scales = [run.scale for run in runs]
    reached = [scale.reached for scale in scales if scale.reached is not None]
    # A run that `betafront evaluate` has measured by more metrics may stand beside new ones.
    names = [name for name in first.metrics if all(name in run.metrics for run in runs)]
    means: dict[str, Any] = {key: mean_of([getattr(s, key) for s in scales]) for key in AVERAGED}
    return replace(
        first,
        metrics={key: statistics.fmean(run.metrics[key] for run in runs) for key in names},
        scale=replace(first.scale, **means, reached=all(reached) if reached else None),
        seconds=round(sum(run.seconds for run in runs), 3),
        spread={key: statistics.stdev(run.metrics[key] for run in runs) for key in names},
        replicates=tuple(runs),
        standing=weightiest([run.standing for run in runs]),
        curve=mean_curve([run.curve for run in runs]),
    )


def every_run(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> tuple[Record, ...]:
    """The records of the runs of a complete trial, with the replicates that were added later.

    Args:
        trial: that is complete.
        trials: of the study, or at least those that add replicates.
    """
    additions = (t for t in trials if status(t) is Status.ADDED)
    added = (t for t in additions if origin(t).adds_to == trial.number)
    return max((record_of(t).runs for t in [trial, *added]), key=len)


def run_folder(number: int, replicate: int) -> str:
    """Where a run's files are, below the study's folder: the first replicate in the trial's own."""
    return f"{trial_folder(number)}/replicate-{replicate}" if replicate else trial_folder(number)


def runs_begun(folder: Path, number: int) -> list[RunFolder]:
    """The folders of the runs that a trial may have begun, in the order in which it trains them.

    Args:
        folder: of the study.
        number: of the trial.
    """
    first = folder / trial_folder(number)
    others = sorted(first.glob("replicate-*"), key=lambda run: int(run.name.rpartition("-")[2]))
    return [RunFolder(run) for run in (first, *others)]
