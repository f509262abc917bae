"""The audit of losses as public repositories have them: the family, over what it is reduced, and
the canonical β, each derived by hand in the comment beside it."""

from functools import cache
from typing import Any

import pytest
from tests.weights import public_losses as losses

from betafront.weights.audit import Verdict, audit

CLOSE = 2e-6  # float32 parameters, and epsilons inside logarithms

# Name of the case: loss, shape, latents, canonical β, family, reductions of the reconstruction
KNOWN: dict[str, tuple[Any, tuple[int, ...], Any, float, str, str]] = {
    # Sums over an example, means over the batch; ln b makes |e|/b a density, so β is the weight.
    "latent diffusion": (
        losses.LatentDiffusion(),
        (3, 4, 4),
        (4, 2, 2),
        1e-6,
        "Laplace with a learned b",
        "mean over batch, sum over pixels",
    ),
    # e²/σ² + ln σ² is twice a Gaussian's; means over N = 48 and M = 5: 0.01·48/(2·5).
    "latent diffusion of means": (
        losses.LatentDiffusionOfMeans(),
        (3, 4, 4),
        5,
        0.048,
        "Gaussian with a learned σ",
        "mean over batch, mean over pixels",
    ),
    # All constants of a Gaussian, a σ for each channel: β is the weight.
    "one scale per channel": (
        losses.PerChannel(),
        (3, 4, 4),
        5,
        0.5,
        "Gaussian with a learned σ, one for each of several groups of values",
        "mean over batch, sum over pixels",
    ),
    # Each half is twice a Gaussian's density: 3/2.
    "two scales": (
        losses.Halves(),
        (4, 4, 4),
        5,
        1.5,
        "Gaussian with a learned σ, one for each of several groups of values",
        "mean over batch, sum over pixels",
    ),
    # Sums over everything, batch included, on both sides.
    "a clipped scale": (
        losses.ClippedSigma(),
        (3, 4, 4),
        5,
        1.0,
        "Gaussian with a learned σ",
        "sum over batch, sum over pixels",
    ),
    "recommender": (
        losses.mult_vae,
        (20,),
        5,
        0.2,
        "multinomial, of logits (log-softmax times x)",
        "mean over batch, sum over values",
    ),
    # The mean over 20 items makes D's weight 1/20.
    "recommender of means": (
        losses.mult_vae_of_means,
        (20,),
        5,
        4.0,
        "multinomial, of logits (log-softmax times x)",
        "mean over batch, mean over values",
    ),
    "sentences": (
        losses.sentence_vae,
        (6, 9),
        5,
        0.3,
        "categorical cross-entropy of log-probabilities (NLL)",
        "mean over batch, sum over classes, sum over positions",
    ),
    # The mean over 6 tokens beside a sum over the latents: 0.1·6.
    "padded text": (
        losses.padded_text,
        (6, 9),
        5,
        0.6,
        "softmax cross-entropy of logits, over the classes (axis 2 of (B, 6, 9))",
        "mean over batch, sum over classes, mean over positions",
    ),
    # Five of the six positions are told: 0.05·5.
    "molecules, shifted": (
        losses.moses,
        (6, 9),
        5,
        0.25,
        "softmax cross-entropy of logits with the class of the next position",
        "mean over batch, sum over classes, mean over positions",
    ),
    # 6 times a mean over 6·9 entries is a weight of 1/9; the KL's is 1/5: 9/5.
    "molecules, bit by bit": (
        losses.molecular_bce,
        (6, 9),
        5,
        1.8,
        "Bernoulli, of probabilities",
        "mean over batch, sum over height, mean over width",
    ),
    "molecules, one-hot": (
        losses.molecular_softmax,
        (6, 9),
        5,
        0.4,
        "softmax cross-entropy of logits, over the classes (axis 2 of (B, 6, 9))",
        "mean over batch, sum over classes, sum over positions",
    ),
    # 0.4·6 tokens.
    "molecules, by argmax": (
        losses.of_argmax,
        (6, 9),
        5,
        2.4,
        "softmax cross-entropy of logits, over the classes (axis 2 of (B, 6, 9))",
        "mean over batch, sum over classes, mean over positions",
    ),
    # Means over 12 voxels and over 5 latents: 0.001·12/5.
    "voxels": (
        losses.blocks,
        (5, 2, 3, 2),
        5,
        0.0024,
        "softmax cross-entropy of logits, over the classes (axis 1 of (B, 5, 2, 3, 2))",
        "mean over batch, sum over classes, mean over positions",
    ),
    "cells, zeros inflated": (
        losses.scvi_zinb,
        (20,),
        5,
        0.7,
        "zero-inflated (by logits) negative binomial, of rates",
        "mean over batch, sum over values",
    ),
    "cells, a learned dispersion each": (
        losses.Cells(6),
        (6,),
        5,
        0.7,
        "negative binomial, of rates, θ = 0.3679 to 2.718 (one for each value)",
        "mean over batch, sum over values",
    ),
    # Means over 20 values and 5 latents: 20/5.
    "torch's negative binomial": (
        losses.torch_nb,
        (20,),
        5,
        4.0,
        "negative binomial, of logits (torch's, with θ as its total count)",
        "mean over batch, mean over values",
    ),
    "a fixed dispersion": (
        losses.fixed_nb,
        (6,),
        5,
        1.0,
        "negative binomial, of log-rates, θ = 10 (for all values)",
        "mean over batch, sum over values",
    ),
    "torch's Poisson": (
        losses.poisson_rates,
        (20,),
        5,
        2.0,
        "Poisson, of rates",
        "mean over batch, sum over values",
    ),
    # 0.1·20 values.
    "torch's Poisson loss": (
        losses.poisson_loss,
        (20,),
        5,
        2.0,
        "Poisson, of log-rates",
        "mean over batch, mean over values",
    ),
    "a Poisson of shares": (
        losses.poisson_shares,
        (20,),
        5,
        2.0,
        "multinomial, of logits (log-softmax times x)",
        "mean over batch, sum over values",
    ),
    # Twice D at σ = 1, as a mean over 20 values: 0.2·20/2, with nothing masked.
    "imputation": (
        losses.imputation,
        (20,),
        5,
        2.0,
        "squared error",
        "mean over batch, mean over pixels",
    ),
    "summed imputation": (
        losses.summed_imputation,
        (20,),
        5,
        1.0,
        "squared error",
        "mean over batch, sum over pixels",
    ),
    # 0.01·24/2.
    "sequences of numbers": (
        losses.motion,
        (6, 4),
        5,
        0.12,
        "squared error",
        "mean over batch, mean over pixels",
    ),
    # 0.1·6.
    "padded tokens": (
        losses.padded_tokens,
        (6, 9),
        5,
        0.6,
        "softmax cross-entropy of logits, over the classes (axis 2 of (B, 6, 9))",
        "mean over batch, sum over classes, mean over positions",
    ),
    # Twice D beside a mean over 2·2 positions: 3/(2·4).
    "spatial latents, averaged": (
        losses.spatial_means,
        (3, 4, 4),
        (4, 2, 2),
        0.375,
        "squared error",
        "mean over batch, sum over pixels",
    ),
    # 1e-4·48/2.
    "spatial latents, summed": (
        losses.spatial_sums,
        (3, 4, 4),
        (4, 2, 2),
        0.0024,
        "squared error",
        "mean over batch, mean over pixels",
    ),
}


@cache
def verdict_of(name: str) -> Verdict:
    loss, shape, latents, *_ = KNOWN[name]
    return audit(loss, shape, latents)


def listed(reductions: Any) -> str:
    return ", ".join(f"{kind} over {size}" for size, kind in reductions.items())


@pytest.mark.parametrize("name", KNOWN)
def test_the_family_its_reductions_and_beta(name: str) -> None:
    *_, beta, family, reductions = KNOWN[name]
    verdict = verdict_of(name)
    assert verdict.reconstruction == family
    assert listed(verdict.reductions["reconstruction"]) == reductions
    assert verdict.beta == pytest.approx(beta, rel=CLOSE)
    assert not verdict.unknown


def test_a_learned_scale_says_so_and_its_value_now() -> None:
    verdict = verdict_of("latent diffusion of means")
    line = verdict.learned["logvar"]
    assert line.startswith("learned: σ = 2 now (logvar = 1.38629)")
    assert "it settles at the root mean squared error" in line
    assert (verdict.product, verdict.scale) == (None, None)  # β does not hang on a σ
    assert verdict.equivalent is not None
    assert "likelihood=gaussian likelihood.mode=learned" in verdict.equivalent
    assert verdict_of("one scale per channel").constants == "all there"
    assert verdict_of("latent diffusion").clean


def test_every_learned_parameter_is_found() -> None:
    assert set(verdict_of("two scales").learned) == {"log_var_a", "log_var_b"}
    assert "the dispersion θ" in verdict_of("cells, a learned dispersion each").learned["px_r"]


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (losses.TwoTasks(), "settles where it is inverse to the KL itself"),
        (losses.LearnedBeta(), "nothing holds it"),
        (losses.NoLog(), "there is no ln σ beside it"),
        (losses.Halves(second=2.0), "have different weights"),
    ],
)
def test_a_learned_weight_that_is_no_scale_has_no_beta(loss: Any, says: str) -> None:
    verdict = audit(loss, (4, 4, 4), 5)
    assert verdict.beta is None
    assert says in verdict.unknown["beta"]
    assert verdict.learned


def test_the_parameters_of_a_loss_are_left_as_they_were() -> None:
    loss = losses.PerChannel()
    before = loss.log_sigma.detach().clone()
    audit(loss, (3, 4, 4), 5)
    assert loss.log_sigma.equal(before)
    assert loss.log_sigma.grad is None


BY_MASK = {
    # β by the share of what is kept, whose it is, and the share's power.
    "imputation": ("mask", [2.0, 1.0, 0.1], "the batch's"),
    "sequences of numbers": ("lengths", [0.12, 0.06, 0.02], "each example's own"),
    "padded text": ("padding (class 1)", [0.6, 0.3, 0.1], "the batch's"),
    "molecules, shifted": ("padding (class 3)", [0.25, 0.125, 0.05], "the batch's"),
    "padded tokens": ("mask key_padding_mask", [0.6, 0.3, 0.1], "the batch's"),
}


@pytest.mark.parametrize("name", BY_MASK)
def test_a_weight_that_changes_with_the_mask_is_said(name: str) -> None:
    word, betas, whose = BY_MASK[name]
    verdict = verdict_of(name)
    assert list(verdict.beta_by_mask.values()) == pytest.approx(betas)
    assert all(key.startswith(f"{word}: ") for key in verdict.beta_by_mask)
    (line,) = [line for line in verdict.warnings if word in line]
    assert f"{whose}; from {betas[-1]:.6g} to {betas[0]:.6g}" in line


@pytest.mark.parametrize(
    ("name", "word"), [("summed imputation", "mask"), ("sentences", "padding (class 0)")]
)
def test_a_sum_over_what_is_kept_does_not_change_with_the_mask(name: str, word: str) -> None:
    verdict = verdict_of(name)
    assert verdict.beta_by_mask == {}
    assert any(f"what is left out by the {word} has no effect" in line for line in verdict.notes)


def test_spatial_latents_are_counted_over_positions() -> None:
    verdict = verdict_of("spatial latents, summed")
    assert (verdict.latents, verdict.latent_shape) == (16, (4, 2, 2))
    assert verdict.reductions["kl"] == {"batch": "mean", "latents": "sum"}
    averaged = verdict_of("spatial latents, averaged")
    assert averaged.reductions["kl"] == {
        "batch": "mean",
        "latent channels": "sum",
        "latent height": "mean",
        "latent width": "mean",
    }
    assert any("in two ways over the latents" in line for line in averaged.warnings)


def test_a_loss_of_spatial_latents_is_given_some_where_only_their_number_is_told() -> None:
    verdict = audit(losses.spatial_sums, (3, 4, 4), 7)
    assert verdict.beta == pytest.approx(0.0024, rel=CLOSE)
    assert verdict.latent_shape == (7, 1, 1)
    assert any("--latents takes the shape of yours" in line for line in verdict.notes)
