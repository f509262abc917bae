"""What to be careful with in a forecast."""

from collections.abc import Iterator

from betafront.data import Data
from betafront.forecast.collapse import CONCENTRATED, RARE, Collapse
from betafront.forecast.linear_front import NO_VARIANCE, LinearFront
from betafront.forecast.words import counted
from betafront.objective import Bernoulli, Objective

HELD_OUT = 0.2
"""The part of an eigenvalue that validation examples may lack along its direction, and twice its
standard error, which is 7 % of 360 validation digits."""

FLOOR = 10
"""How many times the least variance is near it."""


def cautions(data: Data, found: Collapse, front: LinearFront | None, telling: int) -> Iterator[str]:
    """What a forecast says less than it seems to, or leaves out; a sentence each.

    Args:
        data: that it is of.
        found: the collapsed model.
        front: the linear-Gaussian front, if there is one.
        telling: latents that the decoder sees.
    """
    n, values = found.examples, found.spectrum.values
    if found.unchanging:
        yield (
            f"{found.unchanging} of {data.dims} data dimensions never change in the training "
            "split, and are left out: no latent can tell of them."
        )
    if n < data.size("train"):
        yield (
            f"Only {n:,} of {data.size('train'):,} training examples, drawn at random, were looked "
            "at."
        )
    if n <= data.dims - found.unchanging:
        yield (
            f"{n:,} training examples are no more than the {data.dims - found.unchanging:,} "
            "dimensions: they span no more than "
            f"{n - 1:,} directions, and vary more along the first of these than new examples will. "
            + ("Go by the validation columns." if front else "Take β_c for an upper bound.")
        )
    rank = int((values > NO_VARIANCE * values[0]).sum())
    if rank < min(telling, len(values)) or telling > len(values):
        yield (
            f"The model has {telling} latents, and the data varies in {counted(rank, 'direction')}:"
            " no more than that many can be alive at collapse, or in a linear model."
        )
    yield from _of_few_examples(found)
    first = float(found.opening[0])
    if first - found.held_out > max(HELD_OUT * first, 2 * found.held_out_error):
        yield (
            f"On validation examples the direction that opens at β = {first:.4g} is worth a latent "
            f"only below {found.held_out:.4g}: the training split has few examples for so many "
            "dimensions. Between the two a run overfits, and its best validated step is collapsed."
        )
    yield from _of_likelihood(found)
    if front is not None:
        yield from _of_front(front)


def _of_few_examples(found: Collapse) -> Iterator[str]:
    if found.shared >= CONCENTRATED:
        return
    said = (
        f"The direction that opens at β_c = {found.beta:.4g} varies in about "
        f"{100 * found.shared:.2g} % of the training examples: training may not find it."
    )
    if found.common is not None:
        said += (
            f" Without {counted(found.rare, 'dimension')} that vary in less than {RARE:.0%} of the "
            f"examples, latents are worth their rate below β = {float(found.opening[0]):.4g}: the "
            "table and the range worth searching are of that."
        )
    yield said


def _of_likelihood(found: Collapse) -> Iterator[str]:
    if isinstance(found.likelihood, Bernoulli) and found.likelihood.grey:
        yield "Cross-entropy of grey values is no likelihood: β_c is of that loss all the same."


def _of_front(front: LinearFront) -> Iterator[str]:
    if front.variance is None and front.at(1.0).sigma ** 2 < FLOOR * front.least_variance:
        yield (
            "At β = 1 the linear model leaves next to no error, and σ falls to its floor of "
            f"{front.least_variance**0.5:.2g}: D has no bound there. Dequantise the data, or use "
            "fewer latents."
        )


def cautions_of_weighting(objective: Objective) -> Iterator[str]:
    """What else in the loss decides how many latents are alive.

    Args:
        objective: of the run.
    """
    if objective.controller.closed:
        yield "A controller sets β: the forecast says which β it has to choose from."
    if objective.shaping.hides_beta:
        yield ("The rate is shaped: a part of it is free, so that latents are alive above β_c too.")
    if objective.penalties:
        yield "Penalties are left out of the forecast."
    if objective.draws > 1:
        yield (
            f"The forecast is of the ELBO; a bound of {objective.draws} draws keeps latents alive "
            "at a higher β."
        )
