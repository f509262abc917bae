"""The cause of a collapsed run, from the β above which collapse is an optimum for its data."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import cloudpickle

from betafront.data import Data
from betafront.data.seeded import seeded
from betafront.forecast.collapse import Collapse, collapse
from betafront.forecast.forecast import linear_front
from betafront.forecast.linear_front import LinearFront
from betafront.objective import Likelihood, Objective
from betafront.objective.shaping import FreeBits, Plain
from betafront.training.cause import OPTIMISATION, UNCLEAR, WEIGHT, Cause, cause_at
from betafront.training.history import VAL_RATE
from betafront.training.result import OnTheScale
from betafront.training.run import Run
from betafront.training.standing import COLLAPSED, Standing
from betafront.training.state import RunState
from betafront.training.validation.judging import DEAD_RATE

REMEMBERED = 8  # forecasts of one process, the last ones


@dataclass(frozen=True)
class Collapses:
    """Where the models of some data collapse: without a live latent, and of a Gaussian whose σ is
    free along the linear front, which may be alive above that."""

    model: Collapse
    front: LinearFront | None

    def alive_at(self, beta: float) -> bool:
        """Whether the linear model is alive at a canonical β."""
        return self.front is not None and self.front.at(beta).live > 0


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
    spatial code sees its surroundings alone, so that none may be below. A penalty, or other shaped
    rates, may move it either way. Any prior has the same β_c: R is no less than the mutual
    information, which near collapse is that of N(0, 1).
    """
    objective, told = state.objective, {OPTIMISATION, UNCLEAR, WEIGHT}
    plain = isinstance(objective.shaping, Plain)
    if objective.penalties or not (plain or isinstance(objective.shaping, FreeBits)):
        return ()
    if not plain or objective.draws > 1:
        told &= {OPTIMISATION}
    if len(state.vae.latent_shape) > 1:
        told &= {WEIGHT}
    return tuple(told)


def _cause(objective: Objective, run: Run, scale: OnTheScale) -> Cause:
    found = collapses(run.data, run.p_x().suit(run.data.shape), objective)
    beta_c, beta_live = found.model.beta, float(found.model.opening[0])
    controlled = objective.controller.closed
    beta = scale.beta if controlled else objective.beta
    weight = objective.normalisation.weight(beta_live, objective.pixels, objective.latents)
    return Cause(
        cause=cause_at(beta, beta_c, beta_live, beside=found.alive_at(beta)),
        beta=beta,
        beta_c=beta_c,
        beta_live=beta_live,
        weight_live=None if controlled else weight,
    )


_found: OrderedDict[bytes, Collapses] = OrderedDict()


def collapses(data: Data, likelihood: Likelihood, objective: Objective) -> Collapses:
    """Where the models of some data collapse; found once for each data set and likelihood.

    Args:
        data: of numbers.
        likelihood: fresh, suited to the data.
        objective: of the model.

    Raises:
        UserError: as `betafront.forecast.collapse.collapse`.
    """
    telling = objective.widths[0] if objective.widths else objective.latents
    key = cloudpickle.dumps((data.digest, likelihood, telling))
    if key not in _found:
        with seeded(0):
            model = collapse(data, likelihood, telling + 1)
        _found[key] = Collapses(model, linear_front(data, model, telling))
    _found.move_to_end(key)
    while len(_found) > REMEMBERED:
        _found.popitem(last=False)
    return _found[key]
