"""What happened to a trial, in one line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from betafront.front.show.terminal import short_names
from betafront.front.table import DISTORTION, RATE, STANDING, text
from betafront.study.results.table import row
from betafront.study.spec import Spec
from betafront.study.trials.origin import origin
from betafront.study.trials.status import RELEASED, Status, reason, status
from betafront.training.standing import SETTLED

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

WEIGHT = "objective.weight"


def chosen(spec: Spec, params: Mapping[str, Any], without: tuple[str, ...] = ()) -> str:
    """A trial's parameters in the order of the space: words as they are, numbers with the last part
    of their names, as in `weight=0.03 mean warmup=0.2`."""
    names = dict(zip(spec.space, short_names(list(spec.space), own=frozenset()), strict=True))
    shown = (key for key in spec.space if key in params and key not in without)
    return " ".join(word(names[key], params[key]) for key in shown)


def word(name: str, value: object) -> str:
    """A value, with its parameter's name where the value alone does not say what it is."""
    plain = isinstance(value, str) and value.replace("_", "").isalpha()
    tells = plain and value not in ("true", "false", "null")
    return str(value) if tells else f"{name}={text(value)}"


def news(trial: "FrozenTrial", spec: Spec) -> str:
    """What came of a trial whose status is news (`Status.is_news`)."""
    now, adds_to = status(trial), origin(trial).adds_to
    own, other = (
        f"trial {trial.number:>4}  ",
        f"trial {adds_to:>4}  " if adds_to is not None else "",
    )
    if confirms := origin(trial).confirms:
        own += f"confirms trial {confirms.trial}  "
    if now is Status.FOREIGN:
        return f"{own}is another program's; it stands in no table and takes no budget"
    if now is Status.REFUSED:
        return own + reason(trial)
    if now.again:
        return own + _taken_up_again(trial)
    if now is Status.PRUNED:
        return own + reason(trial)
    if now.failed:
        what = "" if adds_to is None else f"more replicates of trial {adds_to} "
        return f"{own}{what}{reason(trial)}"
    return (other or own) + _result(trial, spec)


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
        f"taken from {found['imported']}" if "imported" in found else "",
        found[STANDING] if found.get(STANDING, SETTLED) != SETTLED else "",
    ]
    return "  ".join(part for part in parts if part)
