"""The audit: arranges the arguments, recognises the two terms, and concludes."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from betafront.weights.audit.arguments import Call, arrange
from betafront.weights.audit.conclude import conclude
from betafront.weights.audit.domains import accepted_probers
from betafront.weights.audit.inputs.points import Sizes
from betafront.weights.audit.masks import Masking, masking
from betafront.weights.audit.probes import BATCH, Prober, check_repeats, check_sizes
from betafront.weights.audit.sandbox import CannotTell, LossRaised, NotRecognised
from betafront.weights.audit.scaling import scaling
from betafront.weights.audit.terms import kl as kl_term
from betafront.weights.audit.terms import reconstruction as reconstruction_term
from betafront.weights.audit.terms.kl import KL, NoKnownSpread
from betafront.weights.audit.terms.known_terms import Reconstruction
from betafront.weights.audit.terms.learned import PRESENT, learned_scales
from betafront.weights.audit.verdict import Verdict


def audit(
    loss: Callable[..., Any],
    shape: Sequence[int] = (1, 28, 28),
    latents: int | Sequence[int] = 10,
    settings: Mapping[str, Any] | None = None,
    order: Sequence[str] | None = None,
) -> Verdict:
    """Find which β a loss function really has.

    >>> def loss(x, reconstruction, mu, log_var):
    ...     kl = (mu**2 + log_var.exp() - log_var - 1) / 2
    ...     return (x - reconstruction).square().mean() + 0.1 * kl.mean()
    >>> verdict = audit(loss, shape=(1, 28, 28), latents=20)
    >>> round(verdict.beta, 6), round(verdict.beta_norm, 6), verdict.normalisation
    (1.96, 0.05, 'mean')

    Args:
        loss: a function of x, the reconstruction (or its logits), mu and log_var, in float64 (in
            float32 where it refuses float64), and of `settings`; returns a scalar, or a dict or
            tuple that holds it.
        shape: of the reconstruction, (C, H, W) or (N,); (L, V) or (V, L) where each of L positions
            has one of V classes. x has the same, or lacks the classes where it is their indices.
        latents: M, or the shape of mu without the batch, (C, h, w) of spatial latents.
        settings: further keyword arguments.
        order: of x, reconstruction, mu and log_var (and mask, lengths, dispersion, dropout, where
            the loss has them), where the parameters' names do not tell.

    Raises:
        UserError: the function cannot be called this way, raises, or returns no scalar.
    """
    latent_shape = (latents,) if isinstance(latents, int) else tuple(latents)
    sizes = Sizes(BATCH, tuple(shape), latent_shape)
    check_sizes(sizes)
    call = arrange(loss, settings, order)
    try:
        return over_kinds(call, sizes)
    except LossRaised:
        for more in ((1, 1), (1,)) if len(latent_shape) == 1 else ():
            with contextlib.suppress(LossRaised):
                spatial = replace(sizes, latent_shape=(*latent_shape, *more))
                return with_latents_note(over_kinds(call, spatial))
        raise


def with_latents_note(verdict: Verdict) -> Verdict:
    """The verdict with what to give where the loss takes no (B, M)."""
    shape = "x".join(map(str, verdict.latent_shape))
    line = (
        f"it refuses mu and log_var of (B, {verdict.latent_shape[0]}), so they are given with one "
        f"position, {shape}: --latents takes the shape of yours (channels x height x width)"
    )
    return replace(verdict, notes=(*verdict.notes, line))


def over_kinds(call: Call, sizes: Sizes) -> Verdict:
    """The verdict with the first kind of arguments with which the loss is understood; that of the
    first kind that it accepts where there is none.

    Raises:
        LossRaised, UserError: the loss accepts none.
    """
    verdict = Verdict(call.name, call.how, sizes.shape, sizes.latents, sizes.latent_shape)
    first: Verdict | None = None
    try:
        for probers in accepted_probers(call, sizes):
            found, settled = with_kind(verdict, probers[0].call, probers)
            if settled:
                return found
            if first is None or ("reconstruction" in first.unknown) > (
                "reconstruction" in found.unknown
            ):
                first = found
    except CannotTell as reason:
        return replace(verdict, unknown={"beta": str(reason)})
    assert first is not None
    return first


def with_kind(verdict: Verdict, call: Call, probers: list[Prober]) -> tuple[Verdict, bool]:
    """The verdict with one kind of arguments, and whether another kind cannot tell more."""
    prober = probers[0]
    first = prober.point()
    before, where, _ = prober.value(first)
    verdict = replace(verdict, value=where, layout=prober.given)
    try:
        check_repeats(prober, first)
        check_additive(prober)
        full, settled = with_terms(verdict, call, probers)
        if prober.value(first)[0].item() != before.item():
            raise CannotTell(
                "it has a state (an annealing counter?): at the end of the audit it answers "
                "otherwise than at its start"
            )
    except (CannotTell, LossRaised) as reason:
        return replace(verdict, unknown={"beta": str(reason)}), True
    return full, settled


def check_additive(prober: Prober) -> None:
    """Refuse a loss that is not the sum of a reconstruction term and a KL term.

    Raises:
        CannotTell: the gradient of one term depends on the other.
    """
    for scale in (0.3, 1.0, 3.0):
        one, other = prober.point(scale=scale), prober.point(scale=scale)
        here = prober.slopes(one)
        other_z = prober.slopes(replace(one, mu=other.mu, log_var=other.log_var))
        other_x = prober.slopes(replace(one, x=other.x, reconstruction=other.reconstruction))
        pairs = (
            (here.reconstruction, other_z.reconstruction),
            (here.mu, other_x.mu),
            (here.log_var, other_x.log_var),
        )
        if any((a - b).norm() > here.tolerance * a.norm() for a, b in pairs):
            raise CannotTell(
                "non-additive: the two terms are multiplied, or one weighs the other (the gradient "
                "of each changes with the other), so that there is no one β"
            )


def with_terms(verdict: Verdict, call: Call, probers: list[Prober]) -> tuple[Verdict, bool]:
    """The verdict with both terms, and what follows where both were recognised; and whether another
    kind of arguments cannot tell more."""
    unknown: dict[str, str] = {}
    found: Reconstruction | None = None
    rate: KL | None = None
    settled = True
    try:
        found = reconstruction_term.recognise(probers)
        verdict = replace(
            verdict,
            reconstruction=found.term.name,
            layout=found.prober.given,
            dims=found.dims,
            warnings=found.warnings,
            notes=found.remarks,
        )
        if found.term.caveat is not None:
            unknown["reconstruction"] = found.term.caveat
        kind = found.prober.kind
        probers = [replace(p, kind=kind) for p in probers if p.reals == found.prober.reals]
    except (CannotTell, LossRaised) as reason:
        unknown["reconstruction"] = str(reason)
        settled = not isinstance(reason, NotRecognised)
    try:
        prober, rate = recognise_kl(probers)
        verdict = replace(
            verdict,
            log_var=rate.meaning.name if rate.weight else None,
            prior=rate.prior if rate.weight else None,
            probed_kl=(rate.least, rate.most) if rate.weight else None,
        )
    except (CannotTell, LossRaised) as reason:
        unknown["kl"] = str(reason)
    if found is None or rate is None:
        missing = " and the ".join("KL" if word == "kl" else word for word in unknown)
        unknown["beta"] = f"the {missing} could not be told"
        return replace(verdict, unknown=unknown), settled
    found = replace(found, prober=replace(found.prober, spreads=prober.spreads))
    return with_both(verdict, call, found, rate)


def with_both(
    verdict: Verdict, call: Call, found: Reconstruction, rate: KL
) -> tuple[Verdict, bool]:
    """The verdict from two recognised terms: learned scales, masks, and β."""
    try:
        learned = learned_scales(found, rate)
    except (CannotTell, LossRaised) as reason:
        return replace(verdict, unknown={"beta": str(reason)}), True
    found = learned.reconstruction
    depends = tuple(
        f"{name} is {words}" for name, words in learned.words.items() if PRESENT in words
    )
    verdict = replace(
        verdict,
        reconstruction=found.term.name,
        learned=learned.words,
        warnings=(*verdict.warnings, *depends),
    )
    if learned.refusal is not None:
        return replace(verdict, unknown={"beta": learned.refusal}), True
    masks: list[Masking] = []
    unknown: dict[str, str] = {}
    try:
        masks = masking(found, rate)
    except CannotTell as reason:
        unknown["mask"] = str(reason)
    verdict = conclude(verdict, found, rate, scaling(found, rate), call.names.get("log_var"), masks)
    return replace(verdict, unknown={**verdict.unknown, **unknown}), not unknown


def recognise_kl(probers: list[Prober]) -> tuple[Prober, KL]:
    """The prober of the first domain of log_var in which the KL is recognised, and the KL.

    Raises:
        CannotTell: it is recognised in no domain; the reason is that of the first.
    """
    refused: NoKnownSpread | None = None
    for prober in probers:
        try:
            return prober, kl_term.recognise(prober)
        except NoKnownSpread as reason:  # it may be recognised where log_var is positive
            refused = refused or reason
    raise refused or CannotTell("it has no values to probe")
