"""What a mask, the lengths of sequences or padding do to the weights of the two terms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.extras import Format, positions_kept
from betafront.weights.audit.inputs.points import PADDING, SENTINELS, Point, Slopes
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell, LossRaised
from betafront.weights.audit.terms.kl import KL, close
from betafront.weights.audit.terms.known_terms import Reconstruction, slope_of

UNEVEN = (1.0, 0.5, 0.75, 0.25)
"""Shares of the positions that are kept, of the four examples."""


@dataclass(frozen=True)
class Masking:
    """What leaving values out does.

    Args:
        word: of it, in words.
        betas: β at full mask, at half, and where one position is kept; empty where it is the same.
        power: of the share of positions that are kept, in β.
        own: whether each example's weight follows its own share, and not that of the batch.
    """

    word: str
    betas: Mapping[str, float] = field(default_factory=dict)
    power: int = 0
    own: bool = False

    @property
    def warning(self) -> str | None:
        """That the weight changes with the mask, in words; None where it does not."""
        if not self.betas:
            return None
        listed = ", ".join(f"{beta:.6g} with {what}" for what, beta in self.betas.items())
        whose = "each example's own" if self.own else "the batch's"
        grows = "the share" if self.power == 1 else f"the share to the power {self.power}"
        least, most = sorted((min(self.betas.values()), max(self.betas.values())), key=abs)
        return (
            f"the weight changes with the {self.word}: β = {listed} (in proportion to {grows} that "
            f"is kept, {whose}; from {least:.6g} to {most:.6g})"
        )

    @property
    def note(self) -> str | None:
        """That the weight does not change with the mask, in words; None where it does."""
        if self.betas:
            return None
        return (
            f"what is left out by the {self.word} has no effect, and β does not depend on how much"
        )


def ways_of(prober: Prober) -> dict[str, Format]:
    """The arguments by which a loss leaves values out, and the positions that each tells apart."""
    answer = dict(prober.formats)
    if prober.kind.pad is not None:
        sides = range(len(prober.sizes.shape))
        positions = tuple(side for side in sides if side != prober.kind.axis)
        answer[PADDING] = Format(positions, dtype=torch.int64)  # padding stands at the end
    return answer


def in_words(by: str, prober: Prober) -> str:
    """What leaves values out, in words."""
    if by == PADDING:
        return f"padding (class {prober.kind.pad})"
    if by in SENTINELS:
        return f"missing values ({by})"
    name = prober.call.names.get(by, by)
    return by if name == by else f"{by} {name}"


def masking(found: Reconstruction, kl: KL) -> list[Masking]:
    """What each mask of a loss does.

    Raises:
        CannotTell: values that are masked are not left out, or the weights change otherwise than by
            a power of what is kept.
    """
    ways = ways_of(found.prober) | sentinels_of(found)
    return [examine(by, format, found, kl) for by, format in ways.items()]


def sentinels_of(found: Reconstruction) -> dict[str, Format]:
    """The values of x that a loss leaves out as missing."""
    answer: dict[str, Format] = {}
    prober = found.prober
    if prober.kind.name != "grey" or found.term.axis is not None or found.error is not None:
        return answer
    format = Format(tuple(range(len(prober.sizes.shape))))
    half = torch.full((prober.sizes.batch,), 0.5, dtype=torch.float64)
    for by in SENTINELS:
        point = prober.masked(prober.point(), by, format, half)
        try:
            slopes = prober.slopes(point).reconstruction
        except (CannotTell, LossRaised):
            continue
        missing = point.weights == 0
        expected = slope_of(found.term, replace(point, kept=None))[missing]
        if expected.any() and not slopes[missing].any():
            answer[by] = format
    return answer


def examine(by: str, format: Format, found: Reconstruction, kl: KL) -> Masking:
    """What one mask does."""
    prober = found.prober
    word = in_words(by, prober)
    count = math.prod(prober.sizes.shape[axis] for axis in format.axes)
    if count < 2:
        raise CannotTell(f"what the {word} does: there is one position only")
    shares = torch.tensor([[1.0] * 4, [0.5] * 4, UNEVEN], dtype=torch.float64)
    try:
        at_full, at_half, at_uneven = (weights_at(by, format, found, kl, row) for row in shares)
    except LossRaised as error:
        raise CannotTell(f"what the {word} does: where it leaves values out {error}") from error
    # Positions that are no data, as the first one where each is told by the one before it.
    idle = prober.sizes.pixels // prober.sizes.shape[found.term.axis or 0] - found.dims
    idle = idle if found.term.tokens else 0
    total = count - idle
    share = (positions_kept(shares[1], count)[0].item() - idle) / total
    ratio = (at_half[1] / at_half[0] / (at_full[1] / at_full[0])).tolist()
    exact = math.log(ratio[0]) / math.log(share) if ratio[0] > 0 else math.nan
    if not all(close(ratio[0], r, 1e-3) for r in ratio) or not abs(exact - round(exact)) < 1e-2:
        raise CannotTell(
            f"the weight changes with the {word}, by the factors "
            f"{', '.join(f'{r:.4g}' for r in ratio)} for four examples of which half is kept"
        )
    power = round(exact)
    betas = (at_uneven[1] / at_uneven[0]).tolist()
    own = not all(close(betas[0], beta, 1e-3) for beta in betas)
    if not power and not own:
        return Masking(word)
    beta = kl.weight / found.weight
    answer = {
        "everything kept": beta,
        "half": beta * 0.5**power,
        f"one position of {total}": beta * (1 / total) ** power,
    }
    return Masking(word, answer, power, own)


def weights_at(
    by: str, format: Format, found: Reconstruction, kl: KL, share: Tensor
) -> tuple[Tensor, Tensor]:
    """(B,) the factors on the core and on the KL of each example, where a share of its positions is
    kept.

    Raises:
        CannotTell: the gradient is not that of the values that are kept.
    """
    prober = found.prober
    word = in_words(by, prober)
    point = prober.masked(prober.point(error=found.error), by, format, share)
    slopes = prober.slopes(point)
    check_left_out(word, found, point, slopes)
    pattern = slope_of(found.term, point)
    distortion = each(slopes.reconstruction, pattern, slopes.tolerance, word)
    if not kl.weight:
        return distortion, torch.ones_like(distortion)
    return distortion, each(slopes.mu, point.mu / kl.prior**2, slopes.tolerance, word)


def check_left_out(word: str, found: Reconstruction, point: Point, slopes: Slopes) -> None:
    """Refuse a mask that does not leave out the values that it masks.

    Raises:
        CannotTell: it does not.
    """
    whole = slope_of(found.term, replace(point, kept=None))
    masked = (slope_of(found.term, point) == 0) & (whole != 0)
    if masked.any() and bool((slopes.reconstruction[masked] != 0).all()):
        raise CannotTell(f"the {word} has no effect on the reconstruction term")


def each(gradient: Tensor, pattern: Tensor, tolerance: float, word: str) -> Tensor:
    """(B,) the factor of each example.

    Raises:
        CannotTell: the gradient of one is no multiple of its pattern.
    """
    fits = [factor(g, p) for g, p in zip(gradient, pattern, strict=True)]
    if any(left > tolerance for _, left in fits):
        raise CannotTell(f"the {word} changes a term otherwise than by leaving values out")
    return torch.tensor([c for c, _ in fits], dtype=torch.float64)


def with_shown(masks: list[Masking], shown: float) -> list[Masking]:
    """The same at a σ² or b that the constants of the loss show."""
    return [
        replace(mask, betas={what: beta / shown for what, beta in mask.betas.items()})
        for mask in masks
    ]
