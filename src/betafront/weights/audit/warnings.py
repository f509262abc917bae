"""The warnings of an audit: faults of a loss, and surprises."""

from betafront.weights.audit.inputs.kinds import CLASSES
from betafront.weights.audit.recognised import RecognisedLoss, by_batch, by_shape, power_of, reduced
from betafront.weights.audit.terms.kl import KL, close, without_gradient

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
    "qz_v": "σ²",
}


def all_warnings(loss: RecognisedLoss, log_var: str | None) -> tuple[str, ...]:
    """All warnings.

    Args:
        loss: with its terms.
        log_var: the parameter that was taken for log_var, where it has a name.
    """
    return (
        *sign_warnings(loss),
        *meaning_warnings(loss.kl, log_var),
        *batch_warnings(loss),
        *size_warnings(loss),
    )


def sign_warnings(loss: RecognisedLoss) -> list[str]:
    """Terms that are maximised, or do nothing."""
    warnings = []
    if loss.kl.cut:
        warnings.append(f"the KL has no effect: {without_gradient(loss.kl.cut)}")
    elif loss.kl.weight == 0:
        warnings.append("the KL has no effect: its weight is 0")
    if loss.kl.weight < 0:
        warnings.append("the KL has the wrong sign: the loss is smaller the larger it is")
    if loss.reconstruction.weight < 0:
        warnings.append("the reconstruction term has the wrong sign")
    return warnings


def meaning_warnings(kl: KL, name: str | None) -> list[str]:
    """An argument log_var that is another quantity, and a prior that is not N(0, 1)."""
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


def batch_warnings(loss: RecognisedLoss) -> list[str]:
    """Reductions over the batch that differ between the terms, or are done twice."""
    powers = loss.scaling.powers.get("batch")
    if powers is None:
        return []
    warnings = []
    if loss.depends_on_batch and loss.kl.weight:
        betas = ", ".join(f"{beta:.4g} at B = {b}" for b, beta in by_batch(loss).items())
        warnings.append(
            "the weight changes with the batch size (over the batch, reconstruction: "
            f"{reduced(powers.distortion)}, KL: {reduced(powers.rate)}); β = {betas}"
        )
    twice = [term for term in ("reconstruction", "kl") if power_of(powers, term) <= -2]
    if twice:
        terms = " and ".join("the KL" if t == "kl" else "the reconstruction" for t in twice)
        warnings.append(f"divided by the batch size twice: {terms}")
    return warnings


def size_warnings(loss: RecognisedLoss) -> list[str]:
    """A sum beside a mean, and sides of the image that are reduced differently."""
    powers, sides = loss.scaling.powers, loss.scaling.sides
    kinds = {side: reduced(powers[side].distortion) for side in sides if side in powers}
    warnings = []
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"{side} {kind}" for side, kind in kinds.items())
        warnings.append(f"the reconstruction is reduced in two ways over the image: {listed}")
    shapes = by_shape(loss)
    if loss.relative != (1, -1) and shapes:
        betas = ", ".join(f"{beta:.4g} at {s}" for s, beta in shapes.items())
        images = loss.of_pixels and len(loss.scaling.sides) == 3
        size = "image size" if images else "size of the data"
        warnings.append(f"sums beside means: the weight changes with the {size}; β = {betas}")
    if CLASSES in powers and powers[CLASSES].distortion:
        warnings.append(
            f"the reconstruction is {reduced(powers[CLASSES].distortion)} over the classes, of "
            "which each position has one: the weight changes with their number"
        )
    latent = {
        side: reduced(powers[side].rate) for side in loss.scaling.latent_sides if side in powers
    }
    if len(set(latent.values())) > 1 and loss.kl.weight:
        listed = ", ".join(f"{side} {kind}" for side, kind in latent.items())
        warnings.append(
            f"the KL is reduced in two ways over the latents ({listed}): the weight changes with "
            "their shape"
        )
    if loss.relative is not None and loss.relative[0] == 0 and loss.relative[1]:
        doubled = loss.beta * 2 ** loss.relative[1]
        warnings.append(
            f"sums beside means: the weight changes with the latents; β = {loss.beta:.4g} at "
            f"M = {loss.latents}, {doubled:.4g} at M = {2 * loss.latents}"
        )
    return warnings
