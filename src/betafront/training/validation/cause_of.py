"""The cause of a collapsed run, from the β above which collapse is an optimum for its data."""

from collections import OrderedDict
from dataclasses import replace
from io import BytesIO
from typing import Any

import cloudpickle
from torch import Tensor

from betafront.data import Data
from betafront.data.seeded import seeded
from betafront.forecast.collapse import Collapse, collapse
from betafront.objective import Likelihood, Objective
from betafront.objective.shaping import FreeBits, Plain
from betafront.training.cause import OPTIMISATION, UNCLEAR, WEIGHT, Cause, cause_at
from betafront.training.history import VAL_RATE
from betafront.training.result import OnTheScale
from betafront.training.run import Run
from betafront.training.standing import COLLAPSED, DEAD_RATE, Standing
from betafront.training.state import RunState

REMEMBERED = 8  # forecasts of one process, the last ones


def with_cause(standing: Standing, state: RunState, run: Run, scale: OnTheScale) -> Standing:
    """A standing with the cause where the run has collapsed, and its data and its loss tell why.

    Args:
        standing: of the run.
        state: of the run, after its last step.
        run: its parts.
        scale: where it stands on the one scale.
    """
    if standing.state != COLLAPSED or state.history[-1][VAL_RATE] >= DEAD_RATE:
        return standing  # alive at its end: an early step was kept
    told = _told(state)
    if not told or run.data.symbols is not None:
        return standing
    try:
        cause = _cause(state.objective, run, scale)
    except Exception:  # raised by a likelihood of the user's own: the run has ended well
        return standing
    return replace(standing, cause=cause) if cause.cause in told else standing


def _told(state: RunState) -> tuple[str, ...]:
    """The causes that the forecast can tell of a model and a loss. It is of D + βR and a decoder
    that may open along any direction.

    Where a part of the rate is free, or several draws are taken, latents may be alive above β_c; a
    spatial code sees its surroundings alone, so that none may be below, and a family has to be a
    model at every other β too. A penalty, or other shaped rates, may move it either way. Any prior
    has the same β_c: R is no less than the mutual information, which near collapse is that of
    N(0, 1).
    """
    objective, told = state.objective, {OPTIMISATION, UNCLEAR, WEIGHT}
    plain = isinstance(objective.shaping, Plain)
    if objective.penalties or not (plain or isinstance(objective.shaping, FreeBits)):
        return ()
    if not plain or objective.draws > 1:
        told &= {OPTIMISATION}
    if len(state.vae.latent_shape) > 1 or objective.family:
        told &= {WEIGHT}
    return tuple(told)


def _cause(objective: Objective, run: Run, scale: OnTheScale) -> Cause:
    found = collapsed_model(run.data, run.p_x().suit(run.data.shape))
    controlled = objective.controller.closed
    beta = scale.beta if controlled else objective.beta
    opens = found.beta, float(found.opening[0]), found.held_out
    weight = objective.normalisation.weight(min(opens), objective.pixels, objective.latents)
    return Cause(cause_at(beta, *opens), beta, *opens, None if controlled else weight)


_found: OrderedDict[bytes, Collapse] = OrderedDict()


def collapsed_model(data: Data, likelihood: Likelihood) -> Collapse:
    """The collapsed model of some data, found once in a process for each likelihood.

    Args:
        data: of numbers.
        likelihood: fresh, suited to the data.

    Raises:
        UserError: as `betafront.forecast.collapse.collapse`.
    """
    key = _key((data.digest, likelihood))
    if key not in _found:
        with seeded(0):
            _found[key] = collapse(data, likelihood, 1)
    _found.move_to_end(key)
    while len(_found) > REMEMBERED:
        _found.popitem(last=False)
    return _found[key]


def _key(named: Any) -> bytes:
    """Bytes that are equal for what is equal."""
    written = BytesIO()
    _ByValue(written).dump(named)
    return written.getvalue()


class _ByValue(cloudpickle.Pickler):  # type: ignore[misc]
    """Writes tensors as their numbers; else they have the addresses of their memory."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Tensor):
            return bytes, (obj.detach().cpu().numpy().tobytes(),)
        return super().reducer_override(obj)
