"""The collapsed model, and the β below which it is no optimum.

At rate 0 the decoder gives the best constant output η₀. With s the score of log p(x|η) there, S its
covariance over the data and F the mean of minus the second derivative, a decoder whose first layer
opens along u gains ½ uᵀSu/β and costs ½ uᵀFu. So collapse is stable where β is above the largest
eigenvalue of `F^(-1/2) S F^(-1/2)`, the covariance of the whitened score (`docs/forecast.md`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.data import Data
from betafront.errors import UserError
from betafront.forecast.spectrum import Spectrum, some_rows, spectrum
from betafront.metrics.constant_output import fitted_constant
from betafront.objective import Gaussian, GaussianPerImage, Likelihood
from betafront.objective.likelihoods.derivatives import information_by_autodiff, score_by_autodiff

AT_ONCE = 2**23
"""Numbers of the score that are held at once (34 MB in float32)."""

MOST = 2**31
"""Numbers of the score that a pass goes through: of more examples as many are drawn. They are
100,000 images of 3 x 64 x 64, and more."""

MOST_FITTED, LEAST_FITTED = 2**21, 500
"""The same where η₀ has no closed form and is fitted, which takes 300 passes; and the examples that
are looked at in any case."""

SOME = 10_000
"""Examples of which it is asked how many share a direction."""

CONCENTRATED = 0.02
"""The part of the examples that have to share the first direction; else the spectrum is taken again
without the dimensions that change in few."""

RARE = 0.03
"""The part of the examples that share the change of such a dimension at most. Of continuous
Bernoulli digits 12 of 60 pixels are rare: with them collapse is a saddle below β = 1,100, and runs
have next to no rate from 30 on; without them the β is 24 (`docs/forecast.md`)."""

ENOUGH = 0.5
"""The part of the dimensions that has to be left without the rare ones, for these to be left out:
where nearly all are rare, as of counts with a heavy tail, what is left tells nothing."""

NOTHING = 1e-7
"""The part of the greatest second derivative of a dimension that counts as none."""


@dataclass(frozen=True)
class Collapse:
    """The collapsed model.

    Attributes:
        likelihood: with its own parameters at their best.
        output: (1, *output_shape) η₀.
        examples: of the training split that were looked at.
        unchanging: data dimensions that are the same in all of these, which are left out.
        spectrum: of the covariance of the whitened score; an eigenvalue is the β below which its
            direction is worth a latent.
        shared: the part of the examples that share its first direction, `E[t²]² / E[t⁴]` of the
            score t along it: a third for a Gaussian t.
        rare: dimensions that change in few examples.
        common: the spectrum without these, where few examples share the first direction; else None,
            and of a Gaussian, of which the linear front says what every direction is worth.
        held_out: the eigenvalue that the validation examples have along the first direction (of
            `common` where it is there): the β below which it is worth a latent to them.
        held_out_error: its standard error.
    """

    likelihood: Likelihood
    output: Tensor
    examples: int
    unchanging: int
    spectrum: Spectrum
    shared: float
    rare: int
    common: Spectrum | None
    held_out: float
    held_out_error: float

    @property
    def beta(self) -> float:
        """The canonical β above which collapse is an optimum."""
        return float(self.spectrum.values[0])

    @property
    def opening(self) -> Tensor:
        """(k,) float64 the β below which latents are worth their rate, largest first: the
        eigenvalues, of directions that more than a few examples share."""
        return (self.spectrum if self.common is None else self.common).values


def gives_its_score(likelihood: Likelihood) -> bool:
    """Whether the score and the information of a likelihood are those of its log p(x|z): a user's
    subclass that changes this alone has inherited those of another."""
    for kind in type(likelihood).__mro__:
        if "score" in vars(kind):
            return True
        if vars(kind).keys() & {"log_prob", "log_prob_each", "powers"}:
            return kind.__module__.startswith("betafront.")
    return False


def has_linear_front(likelihood: Likelihood) -> bool:
    """Whether the linear-Gaussian front is of this likelihood, or of a special case of it."""
    return isinstance(likelihood, Gaussian | GaussianPerImage) and gives_its_score(likelihood)


def collapse(data: Data, likelihood: Likelihood, k: int) -> Collapse:
    """The collapsed model of a likelihood.

    Args:
        data: of numbers, within the likelihood's support.
        likelihood: p(x|z), fresh and suited to the data.
        k: eigenvalues wanted where not all are computed.

    Raises:
        UserError: the training data is constant or not finite, or the likelihood has no second
            derivatives of which β could be had.
    """
    outputs = torch.Size(likelihood.output_shape(data.shape)).numel()
    size, closed = max(1, AT_ONCE // outputs), gives_its_score(likelihood)
    n = min(data.size("train"), max(2, MOST // outputs))

    def parts(most: int) -> Iterable[Tensor]:
        return some_rows(data.rows("train"), size, most)

    output = likelihood.eval().constant(iter(parts(n))) if closed else None
    if output is None:
        n = min(n, max(LEAST_FITTED, MOST_FITTED // outputs))
        likelihood, output = fitted_constant(likelihood, torch.cat([*parts(n)]))
        likelihood, output = likelihood.double(), output.double()  # for second derivatives
    whitened = _Whitened(likelihood, output, closed, parts(n), data.name)

    def scores(most: int = n) -> Iterator[Tensor]:
        return (whitened(x) for x in parts(most))

    every = spectrum(scores, whitened.dims, k)
    shared, each = _sharing(scores(min(n, SOME)), every.vectors[:, 0])
    often, common = each >= RARE, None
    enough = int(often.sum()) >= ENOUGH * int((each > 0).sum())
    if shared < CONCENTRATED and enough and not has_linear_front(likelihood):
        common = spectrum(lambda: (y * often for y in scores()), whitened.dims, k)
    first = (every if common is None else common).vectors[:, 0]
    validated = [(whitened(x) @ first).double() ** 2 for x in data.rows("val").split(size)]
    held_out = torch.cat(validated)
    return Collapse(
        likelihood=likelihood,
        output=output,
        examples=n,
        unchanging=int((~whitened.changes).sum()),
        spectrum=every,
        shared=shared,
        rare=int(((each > 0) & ~often).sum()),
        common=common,
        held_out=float(held_out.mean()),
        held_out_error=float(held_out.std(correction=0)) / len(held_out) ** 0.5,
    )


class _Whitened:
    """The whitened score of examples, F^(-1/2) s.

    Args:
        likelihood: p(x|z).
        output: η₀.
        closed: whether its score and information are its own, rather than by autodiff.
        parts: one pass through the examples, of which the information is the mean.
        name: of the data.

    Attributes:
        changes: (N,) which data dimensions have more than one value; the others are left out.
        dims: D, the length of the score.

    Raises:
        UserError: as in `collapse`.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        output: Tensor,
        closed: bool,
        parts: Iterable[Tensor],
        name: str,
    ) -> None:
        self.likelihood, self.output = likelihood, output
        self.score = type(likelihood).score if closed else score_by_autodiff
        of_blocks = type(likelihood).information if closed else information_by_autodiff
        information, n = torch.zeros(()), 0
        low = high = torch.zeros(())
        for x in parts:
            least, most = x.flatten(1).aminmax(dim=0)
            low = least if n == 0 else torch.minimum(low, least)
            high = most if n == 0 else torch.maximum(high, most)
            found = of_blocks(likelihood, output, x.to(output)).detach()
            information = information + len(x) * found.double()
            n += len(x)
        self.changes = _changes(low, high, name)
        self.whitening = _inverse_root(information / n, self.changes, likelihood).to(output)
        self.dims = self.whitening.shape[0] * self.whitening.shape[2]

    def __call__(self, x: Tensor) -> Tensor:
        """(B, D) float32."""
        score = self.score(self.likelihood, self.output, x.to(self.output)).detach()
        if len(self.whitening) == 1:
            return (self.whitening[0] * score[:, 0]).float()
        return torch.einsum("jkd,bkd->bjd", self.whitening, score).flatten(1).float()


def _sharing(parts: Iterable[Tensor], direction: Tensor) -> tuple[float, Tensor]:
    """The part of the examples that share what the vectors are along the (D,) direction,
    `E[t²]² / E[t⁴]`, and (D,) that of each dimension; 0 where they are nothing."""
    squares, fourths, n = torch.zeros(()), torch.zeros(()), 0
    for y in parts:
        both = torch.cat([y @ direction[:, None], y], 1) ** 2
        squares = squares + both.sum(0).double()
        fourths = fourths + (both**2).sum(0).double()
        n += len(y)
    found = torch.where(fourths > 0, squares**2 / (n * fourths.clamp(min=1e-300)), 0.0)
    return float(found[0]), found[1:]


def _changes(low: Tensor, high: Tensor, name: str) -> Tensor:
    """(N,) whether each data dimension has more than one value, of its least and its greatest.

    Raises:
        UserError: none has, or a value is not finite.
    """
    if not bool(torch.isfinite(low + high).all()):
        raise UserError(
            f"data={name} has values that are not finite (NaN or infinite): remove the examples "
            "that have them, or fill them in"
        )
    changes = high > low
    if not bool(changes.any()):
        raise UserError(
            f"all training examples of data={name} are equal: nothing varies that a latent could "
            "tell, so collapse is the optimum at every β"
        )
    return changes


def _inverse_root(information: Tensor, changes: Tensor, likelihood: Likelihood) -> Tensor:
    """(K, K, D) F^(-1/2) of each block, 0 along what has no information: logits of a level that
    never is, and data dimensions that never change."""
    blocks = information.movedim(2, 0)
    values, vectors = torch.linalg.eigh(0.5 * (blocks + blocks.mT))
    if len(changes) == len(blocks):
        values = torch.where(changes[:, None], values, 0.0)
        flat = changes & (values[:, -1] <= 0)
        if bool(flat.any()) or not bool(torch.isfinite(values).all()):
            raise UserError(
                f"likelihood {type(likelihood).__name__}: at the best constant output log p(x|z) "
                f"is not curved downwards in {int(flat.sum())} of {len(flat)} data dimensions, so "
                "that its second derivatives forecast no β (an absolute error has none): search a "
                "wide range, as 'objective.weight=tag(log,interval(0.01,100))'"
            )
    some = values > NOTHING * values[:, -1:].clamp(min=torch.finfo(torch.float64).tiny)
    roots = torch.where(some, values.abs().clamp(min=1e-300) ** -0.5, 0.0)
    whitening: Tensor = (vectors * roots[:, None]) @ vectors.mT
    return whitening.movedim(0, 2)
