"""The answers of `betafront weights` in words, for the terminal and for a notebook."""

import math
from collections.abc import Mapping
from typing import Any

from betafront.scale import NORMALISATIONS, Convention
from betafront.weights.audit.verdict import Verdict
from betafront.weights.projects import PROJECTS

TITLES = {"full": "squared error", "half": "½ squared error"}


def rows_of(translated: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """A translation as a table: the convention, the loss as it is written, and the weight."""
    rows = [
        (name, NORMALISATIONS[name].formula, f"{weight:.6g}")
        for name, weight in translated["weights"].items()
    ]
    for word, row in translated["squared_error_weights"].items():
        for name, weight in row.items():
            formula = Convention(NORMALISATIONS[name], word).formula
            rows.append((f"{name}, {TITLES[word]}", formula, f"{weight:.6g}"))
    return rows


def heading(translated: Mapping[str, Any]) -> list[str]:
    """The written weight and its canonical β, in words."""
    beta, sigma = translated["beta"], translated["sigma"]
    lines = [
        f"w = {translated['weight']:g} in {translated['formula']} "
        f"({translated['normalisation']}, N = {translated['pixels']}, "
        f"M = {translated['latents']}): canonical β = {beta:.6g}, "
        f"β_norm = {translated['beta_norm']:.6g}"
    ]
    if "project" in translated:
        known = PROJECTS[translated["project"]]
        lines.insert(0, f"{known.title}: {known.computes}")
        lines.append(f"note: {known.note}")
    if "beta_sigma2" in translated:
        lines.append(
            f"A squared error sets only β·σ² = {translated['beta_sigma2']:.6g}; "
            + (
                f"β is that over σ², with σ = {sigma:.6g}."
                if translated["sigma_given"]
                else "σ = 1 is taken, since nobody said (--sigma)."
            )
        )
    elif sigma is None:
        pass
    elif not translated["sigma_given"]:
        lines.append("Beside a squared error σ = 1 is taken, since nobody said (--sigma).")
    else:
        lines.append(f"Beside a squared error σ = {sigma:.6g}.")
    return lines


def remarks(verdict: Verdict) -> list[str]:
    """The warnings and notes of an audit, and what could not be told, a sentence each."""
    lines = [f"warning: {line}" for line in verdict.warnings]
    lines += [f"note: {line}" for line in verdict.notes]
    for what, why in verdict.unknown.items():
        lines.append(f"cannot tell {QUESTIONS.get(what, what)}: {why}")
    return lines


QUESTIONS = {
    "beta": "β",
    "kl": "the KL",
    "reconstruction": "the reconstruction term",
    "batch": "the reductions over the batch",
    "pixels": "the reduction over pixels",
    "latents": "the reduction over latents",
    "classes": "the reduction over classes",
    "mask": "what masking does",
}
"""The keys of `Verdict.unknown`, in words."""


def answers(verdict: Verdict) -> list[tuple[str, str]]:
    """The questions that a verdict answers, with the answers."""
    told = [
        ("arguments", verdict.arguments),
        ("value", verdict.value),
        ("given as", verdict.layout),
        ("reconstruction term", verdict.reconstruction),
        ("  reduced by", listed(verdict.reductions.get("reconstruction"))),
        ("  constants", verdict.constants),
        ("learned parameters", learned(verdict)),
        ("KL reduced by", listed(verdict.reductions.get("kl"))),
        ("  probed", probed(verdict)),
        ("log_var is", verdict.log_var),
        ("convention", written_as(verdict)),
        ("canonical β", canonical(verdict)),
        ("β_norm", None if verdict.beta_norm is None else f"{verdict.beta_norm:.6g}"),
        ("β = 1 at", one_at(verdict)),
    ]
    return [(question, answer) for question, answer in told if answer]


def learned(verdict: Verdict) -> str | None:
    """The loss's own parameters, one a line."""
    return "\n".join(f"{name}: {words}" for name, words in verdict.learned.items()) or None


def probed(verdict: Verdict) -> str | None:
    """The range of the KL that was probed, in words."""
    if verdict.probed_kl is None:
        return None
    least, most = (10.0 ** round(math.log10(max(nats, 1e-9))) for nats in verdict.probed_kl)
    return f"from about {least:g} to {most:g} nats per example"


def listed(reductions: Mapping[str, str] | None) -> str | None:
    """Reductions in a line."""
    return ", ".join(f"{kind} over {size}" for size, kind in (reductions or {}).items())


def written_as(verdict: Verdict) -> str | None:
    """The convention and the weight in betafront's words; None where they are not known."""
    if verdict.normalisation is None or verdict.weight is None:
        return None
    written = f"{verdict.normalisation}, weight {verdict.weight:.6g}"
    coefficient = verdict.coefficient
    if coefficient is not None and abs(coefficient - 1) > 1e-6:
        written += f", {coefficient:.6g} in front of the reconstruction term"
    return written


def letter(verdict: Verdict) -> str:
    """σ of a squared error, b of an absolute one."""
    return "b" if (verdict.reconstruction or "").startswith("absolute") else "σ"


CURVED = ("Huber", "log-cosh", "Charbonnier")
"""First words of errors that are squared near 0 only."""


def canonical(verdict: Verdict) -> str | None:
    """β, and the σ or b at which it holds."""
    if verdict.beta is None:
        return "cannot tell"
    beta = f"{verdict.beta:.6g}"
    if "with a learned" in (verdict.reconstruction or ""):
        return f"{beta}, against the scale where it settles (an optimal scale)"
    if verdict.product is None or verdict.scale is None:
        return beta
    scale = letter(verdict)
    product = "β·σ²" if scale == "σ" else "β·b"
    if verdict.scale_shown:
        return f"{beta}, at the {scale} = {verdict.scale:.6g} that its constants show"
    if (verdict.reconstruction or "").split()[0] in CURVED:
        near = f"{beta} at {scale} = 1 near 0, by its curvature"
        return f"{near}; it sets only {product} = {verdict.product:.6g}"
    return f"{beta} at {scale} = 1; the loss sets only {product} = {verdict.product:.6g}"


def one_at(verdict: Verdict) -> str | None:
    """The σ or b for which β = 1."""
    if verdict.scale_for_one is None:
        return None
    return f"{letter(verdict)} = {verdict.scale_for_one:.6g}"
