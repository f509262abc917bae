"""What a mask, the lengths of sequences or padding do to the weights of the two terms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.extras import Format, positions_kept
from betafront.weights.audit.probes import Point, Prober, Slopes, factor
from betafront.weights.audit.sandbox import CannotTell, LossRaised
from betafront.weights.audit.terms.kl import KL, close
from betafront.weights.audit.terms.known_terms import Reconstruction, slope_of

UNEVEN = (1.0, 0.5, 0.75, 0.25)
"""Shares of the positions that are kept, of the four examples."""
PAD = "padding"


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
        return f"values that the {self.word} leaves out have no effect, and β does not depend on it"


def masked_by(prober: Prober) -> dict[str, Format]:
    """The ways in which a loss leaves values out: (in words, the positions that are told apart)."""
    words = {role: f"mask ({prober.call.names.get(role, role)})" for role in prober.formats}
    if "lengths" in words:
        words["lengths"] = f"lengths ({prober.call.names.get('lengths', 'lengths')})"
    answer = {words[role]: format for role, format in prober.formats.items()}
    axis, sides = prober.kind.axis, len(prober.sizes.shape)
    if prober.kind.pad is not None:
        positions = tuple(a for a in range(sides) if a != axis)
        answer[f"{PAD} (class {prober.kind.pad}, which it leaves out)"] = Format(positions)
    return answer


def masking(found: Reconstruction, kl: KL) -> list[Masking]:
    """What each mask of a loss does.

    Raises:
        CannotTell: values that are masked are not left out, or the weights change otherwise than by
            a power of what is kept.
    """
    return [examine(word, format, found, kl) for word, format in masked_by(found.prober).items()]


def examine(word: str, format: Format, found: Reconstruction, kl: KL) -> Masking:
    """What one mask does."""
    prober = found.prober
    sides = [prober.sizes.shape[axis] for axis in format.axes]
    count = math.prod(sides)
    if count < 2:
        raise CannotTell(f"what the {word} does: there is one position only")
    batch = prober.sizes.batch
    half = torch.full((batch,), 0.5, dtype=torch.float64)
    try:
        at_full = weights_at(word, format, found, kl, torch.ones(batch, dtype=torch.float64))
        at_half = weights_at(word, format, found, kl, half)
        at_uneven = weights_at(word, format, found, kl, torch.tensor(UNEVEN, dtype=torch.float64))
    except LossRaised as error:
        raise CannotTell(f"what the {word} does: where it leaves values out {error}") from error
    share = (positions_kept(half, count) / count)[0].item()
    ratio = (at_half[1] / at_half[0] / (at_full[1] / at_full[0])).tolist()
    exact = math.log(ratio[0]) / math.log(share) if ratio[0] > 0 else math.nan
    if not all(close(ratio[0], r, 1e-3) for r in ratio) or not abs(exact - round(exact)) < 1e-2:
        raise CannotTell(
            f"the weight changes with the {word}, by the factors "
            f"{', '.join(f'{r:.4g}' for r in ratio)} for four examples of which half is kept"
        )
    power = round(exact)
    betas = at_uneven[1] / at_uneven[0]
    own = not all(close(betas[0].item(), b, 1e-3) for b in betas.tolist())
    if not power and not own:
        return Masking(word)
    beta = kl.weight / found.weight
    answer = {
        "everything kept": beta,
        "half": beta * 0.5**power,
        f"one position of {count}": beta * (1 / count) ** power,
    }
    return Masking(word, answer, power, own)


def weights_at(
    word: str, format: Format, found: Reconstruction, kl: KL, share: Tensor
) -> tuple[Tensor, Tensor]:
    """(B,) the factors on the core and on the KL of each example, where a share of its positions is
    kept.

    Raises:
        CannotTell: the gradient is not that of the values that are kept.
    """
    prober = found.prober
    point = prober.masked(prober.point(error=found.error), format, share)
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
