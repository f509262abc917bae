"""From two recognised terms to a verdict: β, its convention, its constants and its equal here."""

import math
from dataclasses import replace

from betafront.scale import beta_norm
from betafront.weights.audit.constants import constants
from betafront.weights.audit.kl import KL, close
from betafront.weights.audit.known_terms import GAUSSIAN, LAPLACE, Reconstruction
from betafront.weights.audit.recognised import Weighed, by_batch, by_shape, power_of, reduced
from betafront.weights.audit.scaling import Scaling
from betafront.weights.audit.verdict import Verdict
from betafront.weights.audit.warnings import faults


def weigh(
    verdict: Verdict, found: Reconstruction, kl: KL, scaling: Scaling, log_var: str | None
) -> Verdict:
    """The verdict with β, its conventions, the constants and the warnings."""
    sizes = found.prober.sizes
    weighed = Weighed(found, kl, scaling, sizes.pixels, sizes.latents, sizes.batch)
    text, shown, known = offsets(weighed)
    if kl.prior != 1 and not known:
        return no_prior(verdict, kl)
    if shown is not None:
        weighed = replace(weighed, shown=shown ** scale_power(found))
    verdict = replace(
        verdict,
        reductions=reductions(weighed),
        constants=text,
        unknown=unknown(weighed),
        warnings=(*verdict.warnings, *faults(weighed, log_var)),
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
    if "batch" in scaling.unknown:
        line = f"it is {weighed.beta:.6g} at B = {sizes.batch}, and may change with the batch size"
        return replace(verdict, unknown={**verdict.unknown, "beta": line})
    return told(verdict, weighed, shown)


def no_prior(verdict: Verdict, kl: KL) -> Verdict:
    """The verdict on gradients of a KL to another prior whose value is none."""
    line = (
        f"its gradients are those of the KL to N(0, s²) with s = {kl.prior:.4g}, but its value is "
        "not: a KL to N(0, 1) with a further term?"
    )
    unknown = {"kl": line, "beta": "the KL could not be told"}
    return replace(verdict, log_var=None, prior=None, probed_kl=None, unknown=unknown)


def scale_power(found: Reconstruction) -> int:
    """The power of the hidden scale in β: 2 of σ, 1 of b."""
    return 2 if found.term.scale == "σ" else 1


def told(verdict: Verdict, weighed: Weighed, shown: float | None) -> Verdict:
    """The verdict with β, which is known."""
    ratio, letter = weighed.ratio, weighed.found.term.scale
    at = 1.0 if shown is None else shown
    one = ratio ** (1 / scale_power(weighed.found)) if letter and ratio > 0 else None
    written = weighed.written()
    named = weighed.normalisation is not None and written is not None
    half = 0.5 if letter == "σ" else 1.0  # what stands in front of SSE is half the weight of D
    return replace(
        verdict,
        beta=weighed.beta,
        product=ratio if letter else None,
        beta_norm=beta_norm(weighed.beta, weighed.pixels, weighed.latents),
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


def offsets(weighed: Weighed) -> tuple[str, float | None, bool]:
    """What constants the loss has, in words, the σ (or b) that they show, and whether they are
    known ones."""
    found, kl = weighed.found, weighed.kl
    if kl.cut:
        return "cannot tell, beside a KL without a gradient", None, False
    point = found.prober.point(error=found.error)
    slopes = found.prober.slopes(point)
    parts = found.weight * found.nats(point), kl.weight * kl.nats(point).sum().item()
    offset = slopes.value - sum(parts)
    rest = max(1e-6, 1e2 * slopes.eps) * (abs(slopes.value) + sum(map(abs, parts)))
    sizes = weighed.batch, weighed.pixels
    lacks = {"": 0.0, "; the KL's −½ per latent is missing": 0.5}
    if kl.prior != 1:
        lacks["; the KL's ln s per latent is missing"] = -math.log(kl.prior)
    for words, each in lacks.items():
        lacking = kl.weight * weighed.batch * weighed.latents * each
        text, shown = constants(found, weighed.unit, offset - lacking, rest, sizes)
        if text:
            return text + words, shown, True
    text = f"cannot tell: an offset of {offset:.6g} at B = {weighed.batch} fits none"
    return text, None, False


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
    if not weighed.kl.weight:
        answer["kl"] = {}  # nothing is reduced in any way
    if "latents" in powers and powers["latents"].distortion:
        answer["reconstruction"]["latents"] = factor_word(powers["latents"].distortion, "M")
    return answer


def factor_word(power: int, letter: str) -> str:
    """A factor that a term has no business with."""
    return {-1: f"divided by {letter}", 1: f"times {letter}"}.get(power, f"times {letter}^{power}")


def unknown(weighed: Weighed) -> dict[str, str]:
    """What the sizes could not tell."""
    answer: dict[str, str] = {}
    for size, reason in weighed.scaling.unknown.items():
        key = "pixels" if size in weighed.scaling.sides else size
        answer.setdefault(key, reason)
    return answer


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
