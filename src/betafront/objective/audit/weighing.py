"""From two recognised terms and their powers to β, its conventions and what is wrong with them."""

from dataclasses import dataclass, replace

from betafront.objective.audit.constants import constants
from betafront.objective.audit.kl import KL, close
from betafront.objective.audit.scaling import Powers, Scaling
from betafront.objective.audit.terms import GAUSSIAN, LAPLACE, Reconstruction
from betafront.objective.audit.verdict import Verdict
from betafront.objective.scale import Weights, beta_norm, normalisation

NAMES_OF_LOG_VAR = {
    "log_sigma": "log σ",
    "logsigma": "log σ",
    "log_std": "log σ",
    "logstd": "log σ",
    "log_scale": "log σ",
    "sigma": "σ",
    "std": "σ",
    "scale": "σ",
    "z_std": "σ",
    "z_sigma": "σ",
    "z_scale": "σ",
    "var": "σ²",
    "variance": "σ²",
    "z_var": "σ²",
}
BATCHES = (1, 64, 256)


@dataclass(frozen=True)
class Weighed:
    """What the weights of a loss come to.

    Args:
        found, kl: its terms.
        scaling: the powers of the sizes.
        pixels, latents, batch: N, M and B of the probes.
    """

    found: Reconstruction
    kl: KL
    scaling: Scaling
    pixels: int
    latents: int
    batch: int

    @property
    def ratio(self) -> float:
        """The weight of R when D has weight 1, a hidden σ or b being 1."""
        return self.kl.weight / self.found.weight

    @property
    def unit(self) -> float | None:
        """The weight of D that the reductions alone give, without a coefficient."""
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
        """The powers of N and of M in β."""
        pixels, latents = self.scaling.pixels, self.scaling.powers.get("latents")
        if pixels is None or latents is None:
            return None
        return pixels.rate - pixels.distortion, latents.rate - latents.distortion

    @property
    def normalisation(self) -> str | None:
        """The name that betafront has for the convention; None where it is another."""
        pixels = self.scaling.pixels
        if self.relative == (1, -1) and pixels is not None:
            return "mean" if pixels.distortion else "beta_norm"
        return {(0, 0): "sum", (1, 0): "pixel_mean"}.get(self.relative or (9, 9))

    @property
    def depends_on_batch(self) -> bool:
        """Whether β changes with the batch size."""
        powers = self.scaling.powers.get("batch")
        return powers is not None and powers.rate != powers.distortion

    def written(self) -> tuple[str, float, float] | None:
        """(normalisation, weight, coefficient of D at a hidden scale of 1) as in the loss."""
        if self.unit is None:
            return None
        name = self.normalisation or "sum"
        reduced = (
            normalisation(name).weights(1.0, self.pixels, self.latents)
            if self.normalisation
            else Weights(1.0, 1.0)
        )
        weight = self.kl.weight / self.unit * reduced.distortion / reduced.rate
        return name, weight, self.found.weight / self.unit


def weigh(
    verdict: Verdict, found: Reconstruction, kl: KL, scaling: Scaling, log_var: str | None
) -> Verdict:
    """The verdict with β, its conventions, the constants and the warnings."""
    sizes = found.prober.sizes
    weighed = Weighed(found, kl, scaling, sizes.pixels, sizes.latents, sizes.batch)
    text, shown = offsets(weighed)
    warnings = [*verdict.warnings, *sign_warnings(weighed), *meaning_warnings(kl, log_var)]
    warnings += [*batch_warnings(weighed), *size_warnings(weighed, sizes.shape)]
    verdict = replace(
        verdict,
        reductions=reductions(weighed),
        constants=text,
        unknown=unknown(weighed),
        warnings=tuple(warnings),
    )
    verdict = noted(verdict, weighed)
    if found.weight < 0:
        return replace(verdict, unknown={**verdict.unknown, "beta": "D has a negative weight"})
    if weighed.depends_on_batch:
        return replace(
            verdict,
            beta_by_batch=by_batch(weighed),
            unknown={**verdict.unknown, "beta": "it changes with the batch size"},
        )
    return told(verdict, weighed, shown)


def told(verdict: Verdict, weighed: Weighed, shown: float | None) -> Verdict:
    """The verdict with β, which is known."""
    ratio, letter = weighed.ratio, weighed.found.term.scale
    at = 1.0 if shown is None else shown
    power = 2 if letter == "σ" else 1
    beta = ratio / at**power if letter else ratio
    one = abs(ratio) ** (1 / power) if letter and ratio > 0 else None
    written = weighed.written()
    named = weighed.normalisation is not None and written is not None
    half = 0.5 if letter == "σ" else 1.0  # what stands in front of SSE is half the weight of D
    return replace(
        verdict,
        beta=beta,
        product=ratio if letter else None,
        beta_norm=beta_norm(beta, weighed.pixels, weighed.latents),
        scale=at if letter else None,
        scale_shown=shown is not None,
        scale_for_one=one,
        beta_by_shape=by_shape(weighed),
        normalisation=weighed.normalisation,
        weight=written[1] if named and written else None,
        coefficient=written[2] * half if written else None,
        equivalent=equivalent(weighed),
    )


def equivalent(weighed: Weighed) -> str | None:
    """The settings of betafront that have the same optimum; None where there are none."""
    likelihood = weighed.found.term.likelihood
    if likelihood is None or weighed.ratio < 0:
        return None
    name, weight, coefficient = weighed.written() or ("sum", weighed.ratio, 1.0)
    if likelihood == GAUSSIAN:
        likelihood += f" likelihood.sigma={coefficient**-0.5:.6g}"
    elif likelihood == LAPLACE:
        likelihood += f" likelihood.scale={1 / coefficient:.6g}"
    else:
        weight /= coefficient
    return f"normalisation={name} objective.weight={weight:.6g} {likelihood}"


def offsets(weighed: Weighed) -> tuple[str, float | None]:
    """What constants the loss has, in words, and the σ (or b) that they show."""
    found, kl = weighed.found, weighed.kl
    point = found.prober.point(error=found.error)
    slopes = found.prober.slopes(point)
    parts = found.weight * found.nats(point), kl.weight * kl.nats(point).sum().item()
    offset = slopes.value - sum(parts)
    rest = max(1e-6, 1e2 * slopes.eps) * (abs(slopes.value) + sum(map(abs, parts)))
    sizes = weighed.batch, weighed.pixels
    text, shown = constants(found, weighed.unit, offset, rest, sizes)
    if text:
        return text, shown
    halves = kl.weight * weighed.batch * weighed.latents / 2
    text, shown = constants(found, weighed.unit, offset - halves, rest, sizes)
    if text:
        return f"{text}; the KL's −½ per latent is missing", shown
    return f"cannot tell: an offset of {offset:.6g} at B = {weighed.batch} fits none", None


def reductions(weighed: Weighed) -> dict[str, dict[str, str]]:
    """In words, how each term is reduced over each size."""
    powers = weighed.scaling.powers
    answer: dict[str, dict[str, str]] = {"reconstruction": {}, "kl": {}}
    for size, own in (("batch", ("reconstruction", "kl")), ("latents", ("kl",))):
        if size in powers:
            for term in own:
                answer[term][size] = reduced(power_of(powers[size], term))
    for side in weighed.scaling.sides:
        if side in powers:
            answer["reconstruction"][side] = reduced(powers[side].distortion)
    if weighed.scaling.pixels is not None:
        for side in weighed.scaling.sides:
            answer["reconstruction"].pop(side, None)
        answer["reconstruction"]["pixels"] = reduced(weighed.scaling.pixels.distortion)
        if weighed.scaling.pixels.rate:
            answer["kl"]["pixels"] = factor_word(weighed.scaling.pixels.rate, "N")
    if "latents" in powers and powers["latents"].distortion:
        answer["reconstruction"]["latents"] = factor_word(powers["latents"].distortion, "M")
    return answer


def power_of(powers: Powers, term: str) -> int:
    return powers.rate if term == "kl" else powers.distortion


def reduced(power: int) -> str:
    """A sum or a mean, by the power of its size."""
    words = {0: "sum", -1: "mean", -2: "divided twice"}
    return words.get(power, f"sum times size^{power}")


def factor_word(power: int, letter: str) -> str:
    """A factor that a term has no business with."""
    return {-1: f"divided by {letter}", 1: f"times {letter}"}.get(power, f"times {letter}^{power}")


def unknown(weighed: Weighed) -> dict[str, str]:
    """What the sizes could not tell."""
    answer: dict[str, str] = {}
    for size, reason in weighed.scaling.unknown.items():
        key = "pixels" if size in weighed.scaling.sides else size
        answer.setdefault(key, f"the reduction over {key}: {reason}")
    return answer


def sign_warnings(weighed: Weighed) -> list[str]:
    """Terms that are maximised, or do nothing."""
    warnings = []
    if weighed.kl.weight == 0:
        warnings.append("the KL has no effect: its weight is 0")
    if weighed.kl.weight < 0:
        warnings.append("the KL has the wrong sign: the loss is smaller the larger it is")
    if weighed.found.weight < 0:
        warnings.append("the reconstruction term has the wrong sign")
    return warnings


def meaning_warnings(kl: KL, name: str | None) -> list[str]:
    """A log_var that is something else, and a prior that is not N(0, 1)."""
    warnings = []
    expected = NAMES_OF_LOG_VAR.get((name or "log_var").lower(), "log σ²")
    if kl.weight and kl.meaning.name != expected:
        warnings.append(
            f"{name or 'log_var'} is used as {kl.meaning.name}, not as {expected}: right only if "
            "the encoder's output is meant so everywhere"
        )
    if not close(kl.prior, 1.0, 1e-3):
        warnings.append(f"the KL is to a prior N(0, s²) with s = {kl.prior:.4g}, not to N(0, 1)")
    return warnings


def batch_warnings(weighed: Weighed) -> list[str]:
    """Reductions over the batch that differ, or go twice."""
    powers = weighed.scaling.powers.get("batch")
    if powers is None:
        return []
    warnings = []
    if weighed.depends_on_batch and weighed.kl.weight:
        betas = ", ".join(f"{beta:.4g} at B = {b}" for b, beta in by_batch(weighed).items())
        warnings.append(
            "the weight changes with the batch size (over the batch, reconstruction: "
            f"{reduced(powers.distortion)}, KL: {reduced(powers.rate)}); β = {betas}"
        )
    twice = [term for term in ("reconstruction", "kl") if power_of(powers, term) <= -2]
    if twice:
        terms = " and ".join("the KL" if t == "kl" else "the reconstruction" for t in twice)
        warnings.append(f"divided by the batch size twice: {terms}")
    return warnings


def by_batch(weighed: Weighed) -> dict[str, float]:
    """β by batch size, a hidden σ or b being 1."""
    powers = weighed.scaling.powers["batch"]
    power = powers.rate - powers.distortion
    return {str(b): weighed.ratio * (b / weighed.batch) ** power for b in BATCHES}


def size_warnings(weighed: Weighed, shape: tuple[int, ...]) -> list[str]:
    """A sum beside a mean, and sides of the image that are reduced differently."""
    powers, sides = weighed.scaling.powers, weighed.scaling.sides
    kinds = {side: reduced(powers[side].distortion) for side in sides if side in powers}
    warnings = []
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"{side} {kind}" for side, kind in kinds.items())
        warnings.append(f"the reconstruction is reduced in two ways over the image: {listed}")
    shapes = by_shape(weighed)
    if weighed.relative != (1, -1) and shapes:
        betas = ", ".join(f"{beta:.4g} at {s}" for s, beta in shapes.items())
        warnings.append(f"sums beside means: the weight changes with the image size; β = {betas}")
    if weighed.relative is not None and weighed.relative[0] == 0 and weighed.relative[1]:
        doubled = weighed.ratio * 2 ** weighed.relative[1]
        warnings.append(
            f"sums beside means: the weight changes with the latents; β = {weighed.ratio:.4g} at "
            f"M = {weighed.latents}, {doubled:.4g} at M = {2 * weighed.latents}"
        )
    return warnings


def by_shape(weighed: Weighed) -> dict[str, float]:
    """β at the audited shape and at twice its height and width, where it changes with them."""
    powers = weighed.scaling.powers
    sides = weighed.scaling.sides
    grown = sides[-2:] if len(sides) > 1 else sides
    if not weighed.kl.weight or any(side not in powers for side in grown):
        return {}
    power = sum(powers[side].rate - powers[side].distortion for side in grown)
    if power == 0:
        return {}
    shape = weighed.found.prober.sizes.shape
    doubled = [2 * n if s in grown else n for s, n in zip(sides, shape, strict=True)]
    return {
        "x".join(map(str, shape)): weighed.ratio,
        "x".join(map(str, doubled)): weighed.ratio * 2.0**power,
    }


def noted(verdict: Verdict, weighed: Weighed) -> Verdict:
    """The verdict with what is worth knowing and no fault."""
    notes = list(verdict.notes)
    if weighed.relative == (1, -1):
        notes.append("β = w·N/M grows with the image and falls with M; β_norm does not")
    written = weighed.written()
    if (
        weighed.relative == (1, 0)
        and written is not None
        and close(written[1] * weighed.pixels, 1.0, 1e-6)
    ):
        notes.append(f"the weight is 1/{weighed.pixels}, which undoes the mean at this N only")
    if weighed.found.term.likelihood is None:
        notes.append("betafront has no such likelihood")
    return replace(verdict, notes=tuple(notes))
