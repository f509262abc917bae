"""Softmax cross-entropies: categorical at every position, or a multinomial over all values."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from betafront.weights.audit.inputs.kinds import Kind
from betafront.weights.audit.terms.known_terms import Constants, Term

CATEGORICAL = "likelihood=categorical"
OF_COUNTS = (
    "where x has counts it is a multinomial; where x is one-hot (or bits, as of items) each 1 is a "
    "categorical"
)


def softmax_terms(shape: tuple[int, ...], kind: Kind) -> Iterator[Term]:
    """The terms of a softmax over each axis, and over all values."""
    for axis in range(len(shape)):
        if shape[axis] > 1 and (kind.axis is None or kind.axis == axis):
            yield of_logits(shape, axis, kind)
            yield of_probabilities(shape, axis, kind)
            if kind.index and len(shape) == 2:
                yield shifted(axis)
            if kind.index:
                yield of_log_probabilities(axis)
    if len(shape) > 1 and kind.axis is None:
        yield Term(
            "multinomial, of logits (softmax over all values)",
            over_everything,
            None,
            axis=0,
            constants=COUNTED,
        )


def of_logits(shape: tuple[int, ...], axis: int, kind: Kind) -> Term:
    """−Σ x·log softmax(reconstruction) over an axis."""
    if len(shape) == 1 and kind.axis is None:
        return Term(
            "multinomial, of logits (log-softmax times x)",
            partial(cross_entropy, axis=axis, log_p=torch.log_softmax),
            None,
            axis=axis,
            remark=OF_COUNTS,
            constants=(*COUNTED, *SHARED),
        )
    return Term(
        "softmax cross-entropy of logits, over the classes "
        f"(axis {1 + axis} of (B, {', '.join(map(str, shape))}))",
        partial(cross_entropy, axis=axis, log_p=torch.log_softmax),
        CATEGORICAL,
        axis=axis,
        tokens=True,
    )


def of_probabilities(shape: tuple[int, ...], axis: int, kind: Kind) -> Term:
    """−Σ x·log(reconstruction), the reconstruction a softmax already."""
    single = len(shape) == 1 and kind.axis is None
    return Term(
        "categorical (or multinomial) cross-entropy of probabilities",
        partial(cross_entropy, axis=axis, log_p=lambda r, _: r.log()),
        None if single else CATEGORICAL,
        domain="unit",
        axis=axis,
        tokens=not single,
        remark="the reconstruction has to be a softmax: the loss does not make it one",
        constants=COUNTED if single else (),
    )


def of_log_probabilities(axis: int) -> Term:
    """−Σ x·reconstruction, the reconstruction a log-softmax already."""
    return Term(
        "categorical cross-entropy of log-probabilities (NLL)",
        partial(cross_entropy, axis=axis, log_p=lambda r, _: r),
        CATEGORICAL,
        axis=axis,
        tokens=True,
        remark="the reconstruction has to be a log-softmax: the loss does not make it one",
    )


class Shifted(Term):
    """A cross-entropy of each position's logits with the class of the position after it."""

    def dims(self, shape: tuple[int, ...]) -> int:
        return super().dims(shape) - 1


def shifted(axis: int) -> Term:
    """The class of every position by the logits of the position before it."""
    positions = 1 - axis

    def core(x: Tensor, r: Tensor) -> Tensor:
        following = x.narrow(1 + positions, 1, x.shape[1 + positions] - 1)
        last = torch.zeros_like(x.narrow(1 + positions, 0, 1))
        return -torch.cat((following, last), 1 + positions) * r.log_softmax(1 + axis)

    return Shifted(
        "softmax cross-entropy of logits with the class of the next position",
        core,
        CATEGORICAL,
        axis=axis,
        tokens=True,
        remark="the first position is no data: N is the number of positions less one",
    )


def cross_entropy(
    x: Tensor, r: Tensor, axis: int, log_p: Callable[[Tensor, int], Tensor]
) -> Tensor:
    """−x·log p, value by value."""
    return -x * log_p(r, 1 + axis)


def over_everything(x: Tensor, r: Tensor) -> Tensor:
    """−x·log softmax over all values of an example."""
    return -x * r.flatten(1).log_softmax(1).view(r.shape)


def log_factorials(x: Tensor) -> float:
    """Σ ln x! over everything."""
    return torch.lgamma(x + 1).sum().item()


def log_coefficients(x: Tensor) -> float:
    """Minus the log of the multinomial coefficients of all examples."""
    return log_factorials(x) - log_factorials(x.sum(1))


COUNTED: Constants = (
    ("all there", log_coefficients),
    ("the multinomial coefficient is missing, which no gradient sees", lambda _: 0.0),
)


def poisson_of_shares(x: Tensor) -> float:
    """What a Poisson with the rates n·softmax adds to the cross-entropy, n each example's total."""
    totals = x.sum(1)
    return (totals - torch.xlogy(totals, totals)).sum().item()


SHARED: Constants = (
    (
        "those of a Poisson whose rates add up to each example's count: the same gradient",
        lambda x: poisson_of_shares(x) + log_factorials(x),
    ),
    (
        "those of a Poisson whose rates add up to each example's count, without ln x!",
        poisson_of_shares,
    ),
)
