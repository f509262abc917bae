"""The audit: arranges the arguments, recognises the two terms, and concludes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from betafront.weights.audit.arguments import Call, CannotTell, arrange
from betafront.weights.audit.conclude import conclude
from betafront.weights.audit.domains import accepted_probers
from betafront.weights.audit.probes import (
    BATCH,
    Prober,
    Sizes,
    check_repeats,
    check_sizes,
)
from betafront.weights.audit.sandbox import LossRaised
from betafront.weights.audit.scaling import scaling
from betafront.weights.audit.terms import kl as kl_term
from betafront.weights.audit.terms import reconstruction as reconstruction_term
from betafront.weights.audit.terms.kl import KL, NoKnownSpread
from betafront.weights.audit.terms.known_terms import Reconstruction
from betafront.weights.audit.verdict import Verdict


def audit(
    loss: Callable[..., Any],
    shape: Sequence[int] = (1, 28, 28),
    latents: int = 10,
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
        shape: of the images, (C, H, W) or (N,).
        latents: M.
        settings: further keyword arguments.
        order: of x, reconstruction, mu and log_var, where the parameters' names do not tell.

    Raises:
        UserError: the function cannot be called this way, raises, or returns no scalar.
    """
    sizes = Sizes(BATCH, tuple(shape), latents)
    check_sizes(sizes)
    call = arrange(loss, settings, order)
    verdict = Verdict(call.name, call.how, sizes.shape, latents)
    try:
        probers = accepted_probers(call, sizes)
    except CannotTell as reason:
        return replace(verdict, unknown={"beta": str(reason)})
    prober = probers[0]
    first = prober.point()
    before, where, _ = prober.value(first)
    verdict = replace(verdict, value=where, layout=prober.given)
    try:
        check_repeats(prober, first)
        check_additive(prober)
        full = with_terms(verdict, call, probers)
        if prober.value(first)[0].item() != before.item():
            raise CannotTell(
                "it has a state (an annealing counter?): at the end of the audit it answers "
                "otherwise than at its start"
            )
    except (CannotTell, LossRaised) as reason:
        return replace(verdict, unknown={"beta": str(reason)})
    return full


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


def with_terms(verdict: Verdict, call: Call, probers: list[Prober]) -> Verdict:
    """The verdict with both terms, and what follows where both were recognised."""
    unknown: dict[str, str] = {}
    found: Reconstruction | None = None
    rate: KL | None = None
    try:
        found = reconstruction_term.recognise(probers)
        verdict = replace(
            verdict,
            reconstruction=found.term.name,
            warnings=found.warnings,
            notes=found.remarks,
        )
        probers = [p for p in probers if p.reals == found.prober.reals]
    except (CannotTell, LossRaised) as reason:
        unknown["reconstruction"] = str(reason)
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
        return replace(verdict, unknown={**unknown, "beta": f"the {missing} could not be told"})
    found = replace(found, prober=replace(found.prober, spreads=prober.spreads))
    return conclude(verdict, found, rate, scaling(found, rate), call.names.get("log_var"))


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
