"""From two recognised terms to a verdict: β, its convention, its constants, and the settings of
betafront with the same optimum."""

import math
from dataclasses import replace

from betafront.scale import beta_norm
from betafront.weights.audit.inputs.kinds import CLASSES
from betafront.weights.audit.masks import Masking, with_shown
from betafront.weights.audit.recognised import RecognisedLoss, by_batch, by_shape, power_of, reduced
from betafront.weights.audit.scaling import Scaling
from betafront.weights.audit.terms.constants import constants
from betafront.weights.audit.terms.kl import KL, close
from betafront.weights.audit.terms.known_terms import GAUSSIAN, LAPLACE, Reconstruction
from betafront.weights.audit.verdict import Verdict
from betafront.weights.audit.warnings import all_warnings


def conclude(
    verdict: Verdict,
    found: Reconstruction,
    kl: KL,
    scaling: Scaling,
    log_var: str | None,
    masks: list[Masking],
) -> Verdict:
    """The verdict with β, its conventions, the constants and the warnings."""
    sizes = found.prober.sizes
    loss = RecognisedLoss(found, kl, scaling, found.dims, sizes.latents, sizes.batch)
    if found.term.caveat is not None:
        return without_nats(verdict, loss)
    text, shown, known = constants_of(loss)
    if kl.prior != 1 and not known:
        return without_kl(verdict, kl)
    if shown is not None:
        loss = replace(loss, shown=shown ** scale_power(found))
    verdict = with_masks(verdict, masks, loss.shown)
    verdict = replace(
        verdict,
        reductions=reductions(loss),
        constants=text,
        unknown=unknown_sizes(loss),
        warnings=(*verdict.warnings, *all_warnings(loss, log_var)),
    )
    verdict = with_notes(verdict, loss)
    if found.weight < 0:
        return replace(verdict, unknown={**verdict.unknown, "beta": "D has a negative weight"})
    if loss.depends_on_batch:
        return replace(
            verdict,
            beta_by_batch=by_batch(loss),
            unknown={**verdict.unknown, "beta": "it changes with the batch size"},
        )
    if "batch" in scaling.unknown:
        line = f"it is {loss.beta:.6g} at B = {sizes.batch}, and may change with the batch size"
        return replace(verdict, unknown={**verdict.unknown, "beta": line})
    return with_beta(verdict, loss, shown)


def without_nats(verdict: Verdict, loss: RecognisedLoss) -> Verdict:
    """The verdict on a reconstruction term that is no log-likelihood: its reductions, and no β."""
    why = {
        "reconstruction": str(loss.reconstruction.term.caveat),
        "beta": "the reconstruction term has no nats",
    }
    note = (
        "for x and reconstructions of length 1 it is a von Mises-Fisher without its constant: "
        f"β/κ = {loss.ratio:.6g} at B = {loss.batch}, with κ its concentration"
    )
    return replace(
        verdict,
        reductions=reductions(loss),
        unknown={**verdict.unknown, **unknown_sizes(loss), **why},
        notes=(*verdict.notes, note),
    )


def with_masks(verdict: Verdict, masks: list[Masking], shown: float) -> Verdict:
    """The verdict with what leaving values out does to β."""
    masks = with_shown(masks, shown)
    betas = {f"{mask.word}: {what}": b for mask in masks for what, b in mask.betas.items()}
    return replace(
        verdict,
        beta_by_mask=betas,
        warnings=(*verdict.warnings, *(mask.warning for mask in masks if mask.warning)),
        notes=(*verdict.notes, *(mask.note for mask in masks if mask.note)),
    )


def without_kl(verdict: Verdict, kl: KL) -> Verdict:
    """The verdict where the gradients are those of a KL to N(0, s²) and the value is not."""
    line = (
        f"its gradients are those of the KL to N(0, s²) with s = {kl.prior:.4g}, but its value is "
        "not: a KL to N(0, 1) with a further term?"
    )
    unknown = {"kl": line, "beta": "the KL could not be told"}
    return replace(verdict, log_var=None, prior=None, probed_kl=None, unknown=unknown)


def scale_power(found: Reconstruction) -> int:
    """The power of the hidden scale in β: 2 for σ, 1 for b."""
    return 2 if found.term.scale == "σ" else 1


def with_beta(verdict: Verdict, loss: RecognisedLoss, shown: float | None) -> Verdict:
    """The verdict with β and all that follows from it."""
    ratio, letter = loss.ratio, loss.reconstruction.term.scale
    at = 1.0 if shown is None else shown
    one = ratio ** (1 / scale_power(loss.reconstruction)) if letter and ratio > 0 else None
    written = loss.in_convention()
    named = loss.normalisation is not None and written is not None
    half = 0.5 if letter == "σ" else 1.0  # the coefficient of SSE is half the weight of D
    return replace(
        verdict,
        beta=loss.beta,
        product=ratio if letter else None,
        beta_norm=beta_norm(loss.beta, loss.pixels, loss.latents),
        scale=at if letter else None,
        scale_shown=shown is not None,
        scale_for_one=one,
        beta_by_shape=by_shape(loss),
        normalisation=loss.normalisation,
        weight=written[1] if named and written else None,
        coefficient=written[2] * half if written else None,
        equivalent=equivalent(loss),
    )


def equivalent(loss: RecognisedLoss) -> str | None:
    """The settings of betafront with the same optimum; None where there are none."""
    likelihood = loss.reconstruction.term.likelihood
    if likelihood is None or loss.ratio < 0:
        return None
    name, weight, coefficient = loss.in_convention() or ("sum", loss.ratio, 1.0)
    if likelihood == GAUSSIAN:
        likelihood += f" likelihood.sigma={coefficient**-0.5:.6g}"
    elif likelihood == LAPLACE:
        likelihood += f" likelihood.scale={1 / coefficient:.6g}"
    else:
        weight /= coefficient
    return f"normalisation={name} objective.weight={weight:.6g} {likelihood}"


def constants_of(loss: RecognisedLoss) -> tuple[str, float | None, bool]:
    """The constants of the loss in words, the σ (or b) that they show, and whether they are
    recognised."""
    found, kl = loss.reconstruction, loss.kl
    if kl.cut:
        return "cannot tell, beside a KL without a gradient", None, False
    point = found.prober.point(error=found.error)
    slopes = found.prober.slopes(point)
    parts = found.weight * found.nats(point), kl.weight * kl.nats(point).sum().item()
    offset = slopes.value - sum(parts)
    rest = max(1e-6, 1e2 * slopes.eps) * (abs(slopes.value) + sum(map(abs, parts)))
    lacks = {"": 0.0, "; the KL's −½ per latent is missing": 0.5}
    if kl.prior != 1:
        lacks["; the KL's ln s per latent is missing"] = -math.log(kl.prior)
    for words, each in lacks.items():
        lacking = kl.weight * loss.batch * loss.latents * each
        text, shown = constants(found, loss.unit, offset - lacking, rest, point.x)
        if text:
            return text + words, shown, True
    text = f"cannot tell: an offset of {offset:.6g} at B = {loss.batch} fits none"
    return text, None, False


def reductions(loss: RecognisedLoss) -> dict[str, dict[str, str]]:
    """How each term is reduced over each size, in words."""
    powers = loss.scaling.powers
    answer: dict[str, dict[str, str]] = {"reconstruction": {}, "kl": {}}
    latents = ("latents",) if "latents" in powers else loss.scaling.latent_sides
    for size, own in (("batch", ("reconstruction", "kl")), *((side, ("kl",)) for side in latents)):
        if size in powers:
            for term in own:
                answer[term][size] = reduced(power_of(powers[size], term))
    if CLASSES in powers:
        answer["reconstruction"][CLASSES] = reduced(powers[CLASSES].distortion)
    for side in loss.scaling.sides:
        if side in powers:
            answer["reconstruction"][side] = reduced(powers[side].distortion)
    if loss.scaling.pixels is not None:
        for side in loss.scaling.sides:
            answer["reconstruction"].pop(side, None)
        if loss.scaling.sides:
            answer["reconstruction"][size_word(loss)] = reduced(loss.scaling.pixels.distortion)
        if loss.scaling.pixels.rate:
            answer["kl"][size_word(loss)] = factor_word(loss.scaling.pixels.rate, "N")
    if not loss.kl.weight:
        answer["kl"] = {}  # a KL of weight 0 has no reduction
    if "latents" in powers and powers["latents"].distortion:
        answer["reconstruction"]["latents"] = factor_word(powers["latents"].distortion, "M")
    return answer


def size_word(loss: RecognisedLoss) -> str:
    """What an example has N of."""
    if loss.reconstruction.term.tokens:
        return "positions"
    return "pixels" if loss.of_pixels else "values"


def factor_word(power: int, letter: str) -> str:
    """A factor of a size that is no reduction of the term, in words."""
    return {-1: f"divided by {letter}", 1: f"times {letter}"}.get(power, f"times {letter}^{power}")


def unknown_sizes(loss: RecognisedLoss) -> dict[str, str]:
    """The sizes whose powers are not known, with the reasons."""
    answer: dict[str, str] = {}
    for size, reason in loss.scaling.unknown.items():
        key = "pixels" if size in loss.scaling.sides else size
        key = "latents" if size in loss.scaling.latent_sides else key
        answer.setdefault(key, reason)
    return answer


def with_notes(verdict: Verdict, loss: RecognisedLoss) -> Verdict:
    """The verdict with notes: facts of interest that are no fault."""
    notes = list(verdict.notes)
    if loss.relative == (1, -1):
        notes.append("β = w·N/M grows with the image and falls with M; β_norm does not")
    written = loss.in_convention()
    if (
        loss.relative == (1, 0)
        and written is not None
        and close(written[1] * loss.pixels, 1.0, 1e-6)
    ):
        notes.append(f"the weight is 1/{loss.pixels}, which undoes the mean at this N only")
    if loss.reconstruction.term.likelihood is None and loss.reconstruction.term.warning is None:
        notes.append("betafront has no such likelihood")
    return replace(verdict, notes=tuple(notes))
