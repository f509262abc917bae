"""Replicates: the runs of a trial, which differ by their seeds, and what they come to together."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from betafront.training import Result

Record = dict[str, Any]
"""What the storage keeps of a trial: enough for tables and fronts without its folders."""

AVERAGED = ("beta", "beta_norm", "sigma", "beta_spread", "came_to")


def run_folder(number: int, replicate: int) -> str:
    """Where a run's files are, below the study's folder: the first replicate in the trial's own."""
    return f"{trial_folder(number)}/replicate-{replicate}" if replicate else trial_folder(number)


def trial_folder(number: int) -> str:
    """The name of a trial's folder."""
    return f"trial-{number:04d}"


def replicate(result: Result, study: Path) -> Record:
    """What the storage keeps of one run."""
    return {
        "metrics": result.metrics,
        "scale": result.scale.written(),
        "seconds": round(result.seconds, 3),
        "folder": str(Path(result.folder).relative_to(study)),
        "seed": result.seed,
    }


def together(runs: Sequence[Record]) -> Record:
    """The record of a trial: the means over its replicates, and their standard deviations.

    Args:
        runs: of the trial, in order; at least one.
    """
    record = runs[0] | {"metrics": _means([run["metrics"] for run in runs])}
    if len(runs) == 1:
        return record
    scales = [run["scale"] for run in runs]
    reached = [s["reached"] for s in scales if s["reached"] is not None]
    return record | {
        "scale": scales[0]
        | _means([{k: s[k] for k in AVERAGED} for s in scales])
        | {"reached": all(reached) if reached else None},
        "seconds": round(sum(run["seconds"] for run in runs), 3),
        "spread": {
            key: statistics.stdev(run["metrics"][key] for run in runs) for key in runs[0]["metrics"]
        },
        "replicates": list(runs),
    }


def runs_of(record: Mapping[str, Any]) -> list[Record]:
    """The runs that a record was put together from."""
    return list(record.get("replicates") or [dict(record)])


def _means(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    def mean(key: str) -> float | None:
        values = [row[key] for row in rows]
        kept = [v for v in values if v is not None]
        return statistics.fmean(kept) if kept else None

    return {key: rows[0][key] if len(rows) == 1 else mean(key) for key in rows[0]}
