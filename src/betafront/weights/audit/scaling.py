"""How the two weights change when the batch, a side of the image or the latents are doubled."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from betafront.errors import UserError
from betafront.weights.audit.arguments import CannotTell
from betafront.weights.audit.probes import Prober, Sizes
from betafront.weights.audit.terms.kl import KL
from betafront.weights.audit.terms.known_terms import Reconstruction

SIDES = {1: ("pixels",), 2: ("height", "width"), 3: ("channels", "height", "width")}


@dataclass(frozen=True)
class Powers:
    """The powers of a size in the weights of D and of R (both as sums over everything): 0 for a
    sum, −1 for a mean."""

    distortion: int
    rate: int


@dataclass(frozen=True)
class Scaling:
    """The powers of every size that could be doubled, and why others could not.

    Args:
        powers: by 'batch', 'latents', and each side of the image.
        unknown: reasons by the same names.
        sides: the names of the sides.
    """

    powers: Mapping[str, Powers]
    unknown: Mapping[str, str]
    sides: tuple[str, ...] = field(default=())

    @property
    def pixels(self) -> Powers | None:
        """The powers of N, where they are the same for all sides."""
        seen = {self.powers.get(side) for side in self.sides}
        return seen.pop() if len(seen) == 1 else None


def scaling(found: Reconstruction, kl: KL) -> Scaling:
    """The powers of all sizes, each found by doubling the size."""
    prober = found.prober
    base = prober.sizes
    sides = SIDES.get(len(base.shape), tuple(f"side {i + 1}" for i in range(len(base.shape))))
    variants = {
        "batch": replace(base, batch=2 * base.batch),
        "latents": replace(base, latents=2 * base.latents),
    }
    for i, side in enumerate(sides):
        shape = tuple(2 * n if i == j else n for j, n in enumerate(base.shape))
        variants[side] = replace(base, shape=shape)
    powers, unknown = {}, {}
    for name, sizes in variants.items():
        try:
            powers[name] = powers_from(prober, found, kl, sizes)
        except CannotTell as reason:
            unknown[name] = str(reason)
        except UserError as error:
            unknown[name] = hard_coded_size(name, sizes, error)
    return Scaling(powers, unknown, sides)


def hard_coded_size(name: str, sizes: Sizes, error: UserError) -> str:
    """That a loss fails when a size is doubled, in words."""
    known = {
        "batch": ("batch size", f"B = {sizes.batch}"),
        "latents": ("number of latents", f"M = {sizes.latents}"),
    }
    what, at = known.get(name, ("image size", "x".join(map(str, sizes.shape))))
    fails = f"it raises {type(error.__cause__).__name__}" if error.__cause__ else str(error)
    return f"the {what} is hard-coded, and it works at one size only (at {at} {fails})"


def powers_from(prober: Prober, found: Reconstruction, kl: KL, sizes: Sizes) -> Powers:
    """The powers of the size that is twice as large in `sizes`.

    Raises:
        CannotTell: a weight does not change by a power.
        LossRaised: the loss works at one size only.
    """
    distortion, rate = weights_at(prober, found, kl, sizes)
    own = power(distortion / found.weight)
    return Powers(own, power(rate / kl.weight) if kl.weight else own)  # a weight of 0 has any power


def weights_at(prober: Prober, found: Reconstruction, kl: KL, sizes: Sizes) -> tuple[float, float]:
    """The weights of the sums of D and R at other sizes."""
    point = prober.point(sizes, error=found.error)
    slopes = prober.slopes(point)
    return found.measure(point, slopes), kl.measure(point, slopes)


def power(ratio: float) -> int:
    """The integer p of a ratio 2^p.

    Raises:
        CannotTell: p is no integer.
    """
    exact = math.log2(ratio) if ratio > 0 else math.inf
    if not math.isfinite(exact) or abs(exact - round(exact)) > 1e-3:
        raise CannotTell(f"a weight changes by the factor {ratio:.4g} when this is doubled")
    return round(exact)
