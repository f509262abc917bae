"""What happened to a trial, in one line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from betafront.front.show.terminal import short_names
from betafront.front.table import DISTORTION, RATE, text
from betafront.study.results.table import reason, row
from betafront.study.spec import Spec
from betafront.study.trials.ledger import (
    IMPORTED,
    REASON,
    RELEASED,
    is_failed,
    is_given_back,
    is_gone,
    origin,
)

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

WEIGHT = "objective.weight"


def chosen(spec: Spec, params: Mapping[str, Any], without: tuple[str, ...] = ()) -> str:
    """The parameters that are there, in the order of the space: words as they are, numbers with the
    last part of their names, as in `weight=0.03 mean warmup=0.2`."""
    names = dict(zip(spec.space, short_names(list(spec.space), own=frozenset()), strict=True))
    shown = (key for key in spec.space if key in params and key not in without)
    return " ".join(word(names[key], params[key]) for key in shown)


def word(name: str, value: object) -> str:
    """A value, with its name where it does not tell by itself what it is of."""
    plain = isinstance(value, str) and value.replace("_", "").isalpha()
    tells = plain and value not in ("true", "false", "null")
    return str(value) if tells else f"{name}={text(value)}"


def has_news(trial: "FrozenTrial") -> bool:
    """Whether something came of a trial of the study's own: it ended, or its worker was lost."""
    if not trial.state.is_finished() or is_given_back(trial):
        return False
    return IMPORTED not in trial.user_attrs


def is_bad(trial: "FrozenTrial") -> bool:
    """Whether a trial, or the replicates that one adds to another, ended without a result for
    good."""
    return has_news(trial) and is_failed(trial) and REASON in trial.user_attrs


def news(trial: "FrozenTrial", spec: Spec) -> str:
    """What came of a trial."""
    head = f"trial {trial.number:>4}  "
    tops = origin(trial).tops
    if is_gone(trial):
        return head + _taken_up_again(trial)
    if is_failed(trial):
        what = "" if tops is None else f"more replicates of trial {tops} "
        return f"{head}{what}{reason(trial)}"
    return (head if tops is None else f"trial {tops:>4}  ") + _result(trial, spec)


def _taken_up_again(trial: "FrozenTrial") -> str:
    if RELEASED in trial.user_attrs:
        return "was stopped before its end; it is taken up again"
    return "was lost with its worker; it is tried again"


def _result(trial: "FrozenTrial", spec: Spec) -> str:
    found = row(trial)
    beta = "?" if found["beta"] is None else f"{found['beta']:.3g}"
    others = [m for m in spec.objectives if m not in (RATE, DISTORTION)]
    parts = [
        f"β {beta:<8} D {found[DISTORTION]:>8.2f}  R {found[RATE]:>7.2f} nats",
        *(f"{m.removeprefix('val/')} {found[m]:.4g}" for m in others),
        f"{found['seconds']:>5.1f} s",
        chosen(spec, trial.params, without=(WEIGHT,)),
        f"({found['replicates']} replicates)" if found["replicates"] > 1 else "",
    ]
    return "  ".join(part for part in parts if part)
