"""A loss whose two terms are recognised: β, and the convention in which it is written."""

from dataclasses import dataclass

from betafront.scale import Weights, normalisation
from betafront.weights.audit.scaling import Powers, Scaling, side_names_of
from betafront.weights.audit.terms.kl import KL
from betafront.weights.audit.terms.known_terms import Reconstruction

BATCHES = (1, 64, 256)


@dataclass(frozen=True)
class RecognisedLoss:
    """A loss whose two terms are recognised.

    Args:
        reconstruction, kl: the terms.
        scaling: the powers of the sizes in their weights.
        pixels, latents, batch: N (positions, where each has a class), M and B of the probes.
        shown: the σ² or b that the constants of the loss show; 1 where they show none.
    """

    reconstruction: Reconstruction
    kl: KL
    scaling: Scaling
    pixels: int
    latents: int
    batch: int
    shown: float = 1.0

    @property
    def beta(self) -> float:
        """The canonical β at the shown σ or b, or at 1."""
        return self.ratio / self.shown

    @property
    def ratio(self) -> float:
        """The weight of R when D has weight 1, at σ or b = 1."""
        return self.kl.weight / self.reconstruction.weight

    @property
    def of_pixels(self) -> bool:
        """Whether the values of an example are taken as pixels: not as classes, nor as counts."""
        images = self.reconstruction.prober.kind.name in ("grey", "bits")
        return images and self.reconstruction.term.axis is None

    @property
    def unit(self) -> float | None:
        """The weight of D by its reductions alone, without a coefficient; None where they are not
        known."""
        powers = self.scaling.powers
        batch, latents, pixels = powers.get("batch"), powers.get("latents"), self.scaling.pixels
        if batch is None or latents is None or pixels is None:
            return None
        return float(
            self.batch**batch.distortion
            * self.pixels**pixels.distortion
            * self.latents**latents.distortion
        )

    @property
    def relative(self) -> tuple[int, int] | None:
        """The powers of N and of M in β; None where they are not known."""
        pixels, latents = self.scaling.pixels, self.scaling.powers.get("latents")
        if pixels is None or latents is None:
            return None
        return pixels.rate - pixels.distortion, latents.rate - latents.distortion

    @property
    def normalisation(self) -> str | None:
        """The name of the convention in betafront; None where it has none."""
        pixels = self.scaling.pixels
        if self.relative == (1, -1) and pixels is not None:
            return "mean" if pixels.distortion else "beta_norm"
        return {(0, 0): "sum", (1, 0): "pixel_mean"}.get(self.relative or (9, 9))

    @property
    def depends_on_batch(self) -> bool:
        """Whether β changes with the batch size."""
        powers = self.scaling.powers.get("batch")
        return powers is not None and powers.rate != powers.distortion

    def in_convention(self) -> tuple[str, float, float] | None:
        """(normalisation, weight, coefficient of D at σ or b = 1) as in the loss; None where the
        reductions are not known."""
        if self.unit is None:
            return None
        name = self.normalisation or "sum"
        reduced = (
            normalisation(name).weights(1.0, self.pixels, self.latents)
            if self.normalisation
            else Weights(1.0, 1.0)
        )
        weight = self.kl.weight / self.unit * reduced.distortion / reduced.rate
        return name, weight, self.reconstruction.weight / self.unit


def by_batch(loss: RecognisedLoss) -> dict[str, float]:
    """β by batch size."""
    powers = loss.scaling.powers["batch"]
    power = powers.rate - powers.distortion
    return {str(b): loss.beta * (b / loss.batch) ** power for b in BATCHES}


def by_shape(loss: RecognisedLoss) -> dict[str, float]:
    """β at the audited shape and at twice its height and width; empty where it is the same."""
    powers = loss.scaling.powers
    sides = loss.scaling.sides
    grown = sides[-2:] if len(sides) > 1 else sides
    if not grown:
        return {}
    if not loss.kl.weight or any(side not in powers for side in grown):
        return {}
    power = sum(powers[side].rate - powers[side].distortion for side in grown)
    if power == 0:
        return {}
    shape = loss.reconstruction.prober.sizes.shape
    every = side_names_of(loss.reconstruction)
    doubled = [2 * n if s in grown else n for s, n in zip(every, shape, strict=True)]
    return {
        "x".join(map(str, shape)): loss.beta,
        "x".join(map(str, doubled)): loss.beta * 2.0**power,
    }


def power_of(powers: Powers, term: str) -> int:
    """The power of a size in the weight of a term, `kl` or `reconstruction`."""
    return powers.rate if term == "kl" else powers.distortion


def reduced(power: int) -> str:
    """The reduction over a size, in words, by the power of the size."""
    words = {0: "sum", -1: "mean", -2: "divided twice"}
    return words.get(power, f"sum times size^{power}")
