"""How the runs of a study stand: counted, in words, and as marks."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from betafront.front.curves import trials_of
from betafront.front.table import CAUSE, STANDING
from betafront.training.cause import CAUSES
from betafront.training.standing import (
    COLLAPSED,
    OVERFITTED,
    SETTLED,
    STATES,
    STILL_FALLING,
    UNKNOWN,
    UNSTABLE,
)

NUMBERS = {
    "kept_step": "step of the weights that were kept",
    "steps": "optimiser steps",
    "falling": "improvement by another doubling of the steps (nats)",
    "falling_error": "standard error of that improvement (nats)",
    "over": "D + βR at the last step above its least (nats)",
    "over_error": "standard error of that excess (nats)",
    "since": "step of the least D + βR, where the last is above it",
    "gap": "D + βR on validation above that on training (nats)",
    "scale_off": "σ or b over the error of the training split, less 1",
    "rate_error": "standard error of a sampled R over the draws (nats)",
    "beta_c": "β above which collapse is an optimum",
    "beta_live": "β below which a latent is worth its rate to more than a few examples",
    "val_beta_live": "the same to validation examples",
    "weight_live": "weight at the lower of these β, in the convention of the run",
}
"""The columns beside the state (`betafront.training.standing.Standing.columns`), and their labels.
A table that an earlier version recorded has none of them."""

WHOLE = ("kept_step", "steps", "since")
"""Those of the NUMBERS that count steps."""

MEANINGS = {
    SETTLED: "the weights that were kept are as good as this training makes them",
    STILL_FALLING: "more steps would still improve D + βR on validation",
    OVERFITTED: "D + βR on validation was better before the step of the weights that were kept",
    UNSTABLE: "D + βR on validation jumps by more than its noise, or rises on training too",
    COLLAPSED: "no latent is used: the rate is 0 or close to it",
    UNKNOWN: "too few validations to tell",
}
"""What each state says of a run."""

OFF = 0.05  # the least part by which a scale must be off to be named


def counts(runs: pd.DataFrame) -> dict[str, int]:
    """How many runs stand in each state that occurs, the settled ones first, then the most frequent
    state; empty where nothing was recorded.

    Args:
        runs: a row per run, or per trial; of one with a curve that at the β of the run counts.
    """
    if STANDING not in runs:
        return {}
    runs = trials_of(runs)
    found = {str(k): int(n) for k, n in runs[STANDING].value_counts().items()}
    order = sorted(found, key=lambda s: (s != SETTLED, -found[s], STATES.index(s)))
    return {state: found[state] for state in order}


def counted(runs: pd.DataFrame, what: str = "runs") -> str:
    """`of 48 runs 40 settled, 5 overfitted, 3 still falling`; empty where nothing was recorded.

    Args:
        runs: a row per run, or per trial.
        what: the rows are.
    """
    runs = trials_of(runs)
    found = counts(runs)
    if not found:
        return ""
    if len(runs) == 1:
        return f"the only {what.removesuffix('s')} is {next(iter(found))}"
    if list(found.values()) == [len(runs)]:
        return f"all {len(runs)} {what} are {next(iter(found))}"
    parts = [f"{n} {state}" for state, n in found.items()]
    if unrecorded := len(runs) - sum(found.values()):
        parts.append(f"{unrecorded} not recorded")
    return f"of {len(runs)} {what} {', '.join(parts)}"


def not_settled(table: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """(n,) whether each row is known to stand otherwise than settled."""
    if STANDING not in table:
        return np.zeros(len(table), dtype=bool)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]]
    found = (table[STANDING].notna() & (table[STANDING] != SETTLED)).to_numpy(dtype=bool)
    return found


def record(row: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a run as `standing`, of a collapsed one why it has collapsed as `cause`, and
    those of the NUMBERS that are known; empty where it was not recorded.

    Args:
        row: of a table of trials or runs.
    """
    if not isinstance(row.get(STANDING), str):
        return {}
    found = {key: row[key] for key in NUMBERS if _is_number(row.get(key))}
    whole = {key: int(value) for key, value in found.items() if key in WHOLE}
    why = {CAUSE: row[CAUSE]} if isinstance(row.get(CAUSE), str) else {}
    return {STANDING: row[STANDING], **why, **{k: float(v) for k, v in found.items()}, **whole}


def in_words(row: Mapping[str, Any]) -> str:
    """The standing of a run with its numbers, in one line; empty where it was not recorded.

    Args:
        row: of a table of trials or runs.
    """
    known = record(row)
    if not known:
        return ""
    parts = [" ".join(filter(None, [known[STANDING], CAUSES.get(known.get(CAUSE, ""), "")]))]
    if "beta_c" in known:
        parts.append(f"β_c = {known['beta_c']:.4g}")
    if "over" in known and "since" in known:
        over = _with_error(known, "over")
        parts.append(f"it ended {over} nats above its best, of step {known['since']:,.0f}")
    elif "falling" in known:
        falling = _with_error(known, "falling")
        parts.append(f"another doubling of the steps would improve it by {falling} nats")
    if "gap" in known:
        parts.append(f"validation ended {known['gap']:.3g} nats above training")
    if abs(known.get("scale_off", 0.0)) > OFF:
        parts.append(f"its scale {known['scale_off']:+.0%} off the error")
    if "rate_error" in known:
        parts.append(f"R is sampled, ± {known['rate_error']:.2g} nats")
    if "kept_step" in known and "steps" in known:
        parts.append(f"weights of step {known['kept_step']:,.0f} of {known['steps']:,.0f}")
    return "; ".join(parts)


def standings_of(table: pd.DataFrame) -> dict[int, str]:
    """`in_words` by the numbers of the trials, of those whose standing was recorded."""
    if STANDING not in table:
        return {}
    table = trials_of(table)
    rows = table[table[STANDING].notna()].to_dict("records")
    return {int(row["trial"]): in_words({str(k): v for k, v in row.items()}) for row in rows}


def _with_error(known: Mapping[str, Any], key: str) -> str:
    error = f"{key}_error"
    return f"{known[key]:.3g} ± {known[error]:.2g}" if error in known else f"{known[key]:.3g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(value)
