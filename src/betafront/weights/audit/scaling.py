"""How the two weights change when the batch, a side of the data or of the latents is doubled."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from betafront.errors import UserError
from betafront.weights.audit.inputs.kinds import CLASSES, side_names
from betafront.weights.audit.inputs.parameters import Parameter, tensors_of
from betafront.weights.audit.inputs.points import Sizes
from betafront.weights.audit.probes import Prober
from betafront.weights.audit.sandbox import CannotTell, LossRaised
from betafront.weights.audit.terms.kl import KL
from betafront.weights.audit.terms.known_terms import Reconstruction


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
        sides: the names of the sides of the data, without one of classes.
        latent_sides: the names of the sides of the latents, where there are several.
    """

    powers: Mapping[str, Powers]
    unknown: Mapping[str, str]
    sides: tuple[str, ...] = field(default=())
    latent_sides: tuple[str, ...] = ()

    @property
    def pixels(self) -> Powers | None:
        """The powers of N, where they are the same for all sides; those of a sum where there is one
        position."""
        if not self.sides:
            return Powers(0, 0)
        seen = {self.powers.get(side) for side in self.sides}
        return seen.pop() if len(seen) == 1 else None


def scaling(found: Reconstruction, kl: KL) -> Scaling:
    """The powers of all sizes, each found by doubling the size."""
    prober = found.prober
    base = prober.sizes
    sides = side_names_of(found)
    latent_sides = latent_names(base.latent_shape)
    variants = {"batch": replace(base, batch=2 * base.batch)}
    for i, side in enumerate(latent_sides):
        variants[side] = replace(base, latent_shape=doubled(base.latent_shape, i))
    for i, side in enumerate(sides):
        variants[side] = replace(base, shape=doubled(base.shape, i))
    powers, unknown = {}, {}
    own = tensors_of(prober.call.function)
    for name, sizes in variants.items():
        try:
            powers[name] = with_own_parameters(own, found, kl, sizes)
        except CannotTell as reason:
            unknown[name] = str(reason)
        except UserError as error:
            unknown[name] = hard_coded_size(name, sizes, error)
    data_sides = tuple(side for side in sides if side != CLASSES)
    if len(latent_sides) > 1:
        seen = {powers.get(side) for side in latent_sides}
        same = seen.pop() if len(seen) == 1 else None
        if same is not None:
            powers[LATENTS] = same
    return Scaling(powers, unknown, data_sides, latent_sides)


LATENTS = "latents"


def doubled(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
    """The shape with one side twice as large."""
    return tuple(2 * n if i == side else n for i, n in enumerate(shape))


def side_names_of(found: Reconstruction) -> tuple[str, ...]:
    """The names of the sides of the data."""
    shape, term = found.prober.sizes.shape, found.term
    return side_names(shape, term.axis if term.tokens else None)


def latent_names(shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the sides of the latents: 'latents' where there is one side."""
    words = {
        1: (LATENTS,),
        2: ("latent positions", "latent dimensions"),
        3: ("latent channels", "latent height", "latent width"),
    }
    return words.get(len(shape), tuple(f"latent side {i + 1}" for i in range(len(shape))))


def hard_coded_size(name: str, sizes: Sizes, error: UserError) -> str:
    """That a loss fails when a size is doubled, in words."""
    known = {
        "batch": ("batch size", f"B = {sizes.batch}"),
        CLASSES: ("number of classes", "x".join(map(str, sizes.shape))),
    }
    if name.startswith("latent"):
        known[name] = ("number of latents", f"M = {'x'.join(map(str, sizes.latent_shape))}")
    what, at = known.get(name, ("image size", "x".join(map(str, sizes.shape))))
    fails = f"it raises {type(error.__cause__).__name__}" if error.__cause__ else str(error)
    return f"the {what} is hard-coded, and it works at one size only (at {at} {fails})"


def with_own_parameters(
    own: Sequence[Parameter], found: Reconstruction, kl: KL, sizes: Sizes
) -> Powers:
    """The powers of the size that is twice as large in `sizes`; where the loss fails there, with
    the tensors that it holds grown by the same side of the data.

    Raises:
        CannotTell: a weight does not change by a power.
        LossRaised: the loss works at one size only.
    """
    prober = found.prober
    grown = [a for a, b in zip(prober.sizes.shape, sizes.shape, strict=True) if a != b]
    fitting = [p for p in own if grown and grown[0] in p.tensor.shape]
    with contextlib.suppress(LossRaised) if fitting else contextlib.nullcontext():
        return powers_from(prober, found, kl, sizes)
    with contextlib.ExitStack() as stack:
        for parameter in fitting:
            stack.enter_context(parameter.grown(grown[0]))
        return powers_from(prober, found, kl, sizes)


def powers_from(prober: Prober, found: Reconstruction, kl: KL, sizes: Sizes) -> Powers:
    """The powers of the size that is twice as large in `sizes`.

    Raises:
        CannotTell: a weight does not change by a power.
        LossRaised: the loss works at one size only.
    """
    distortion, rate = weights_at(prober, found, kl, sizes)
    dims = found.term.dims(sizes.shape), found.term.dims(prober.sizes.shape)
    times = dims[0] / dims[1] if sizes.shape != prober.sizes.shape and dims[0] != dims[1] else 2.0
    own = power(distortion / found.weight, times)
    # A weight of 0 has any power.
    return Powers(own, power(rate / kl.weight, times) if kl.weight else own)


def weights_at(prober: Prober, found: Reconstruction, kl: KL, sizes: Sizes) -> tuple[float, float]:
    """The weights of the sums of D and R at other sizes."""
    point = prober.point(sizes, error=found.error)
    slopes = prober.slopes(point)
    return found.measure(point, slopes), kl.measure(point, slopes)


def power(ratio: float, times: float = 2.0) -> int:
    """The integer p of a ratio `times`^p.

    Raises:
        CannotTell: p is no integer.
    """
    exact = math.log(ratio) / math.log(times) if ratio > 0 else math.inf
    if not math.isfinite(exact) or abs(exact - round(exact)) > 1e-3:
        raise CannotTell(f"a weight changes by the factor {ratio:.4g} when this is doubled")
    return round(exact)
