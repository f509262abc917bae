"""What a trained VAE is worth, in nats: never with the training weight or the schedule."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.data.factors import Known
from betafront.metrics.eval_mode import evaluating
from betafront.metrics.registry import Settings, Subject, Tell, measured, no_one
from betafront.metrics.score import EVALUATION_BATCH
from betafront.models import VAE

ALWAYS = ("distortion", "rate", "negative_elbo", "mse", "bits_per_dim", "active_units")


@dataclass(frozen=True)
class Evaluation:
    """A VAE on one split of the data.

    Attributes:
        values: `distortion`, `rate` and `negative_elbo` in nats per example, `mse` per data
            dimension, `bits_per_dim`, `active_units`.
        kl: (M,) mean KL per latent dimension in nats; their sum is the rate.
        variance: (M,) variance over the examples of the posterior means.
        codes: (n, M) the posterior means.
        settings: what the values depend on: draws per example, threshold, examples; and of each
            further metric, under its name.
        seconds: that each further metric took.
    """

    values: dict[str, float]
    kl: Tensor
    variance: Tensor
    codes: Tensor
    settings: dict[str, float | str]
    seconds: dict[str, float]


def by_split(
    evaluations: Mapping[str, Evaluation],
) -> tuple[dict[str, float], dict[str, float | str], dict[str, float]]:
    """The values and the settings as `split/name`, and the seconds of further metrics on all splits
    together."""
    values = {f"{s}/{k}": v for s, e in evaluations.items() for k, v in e.values.items()}
    settings = {f"{s}/{k}": v for s, e in evaluations.items() for k, v in e.settings.items()}
    seconds: dict[str, float] = {}
    for evaluation in evaluations.values():
        for name, took in evaluation.seconds.items():
            seconds[name] = round(seconds.get(name, 0.0) + took, 3)
    return values, settings, seconds


@evaluating
@torch.no_grad()
def evaluate(
    vae: VAE,
    x: Tensor,
    *,
    samples: int = 8,
    active_threshold: float = 0.01,
    further: Mapping[str, Settings | None] | None = None,
    known: Known | None = None,
    seed: int = 0,
    tell: Tell = no_one,
) -> Evaluation:
    """Evaluate on all of `x`, the same numbers for the same model, data and seed.

    The distortion and the squared error (of E[x|z]) are means over draws of z from q(z|x); the rate
    is analytic. Bits per dimension are (D + R) / (N ln 2). Of a mass, and of a density on
    dequantised data (`vae.log_volume`), D is in nats of the discrete images: a bound on their code
    length, by which densities and masses compare. Of a density on other data it is in the data's
    own scale, and may be negative.

    Args:
        vae: in evaluation mode or not; left as it was.
        x: (n, C, H, W) on the device of the model.
        samples: draws of z per example.
        active_threshold: a latent is active when the variance of its posterior mean over the data
            (biased, as in Burda et al. 2016, section 5.2) exceeds it.
        further: names of `betafront.metrics.registry` and their settings, where they differ.
        known: the factors behind `x`, if any are known.
        seed: of the draws.
        tell: called with the name of each further metric as it begins.

    Raises:
        UserError: a further metric is unknown, or cannot be had of this data.
    """
    generator = torch.Generator(x.device).manual_seed(seed)
    pixels = x[0].numel()
    log_px = torch.zeros((), dtype=torch.float64, device=x.device)
    squares = torch.zeros_like(log_px)
    kls, means = [], []
    for batch in x.split(EVALUATION_BATCH):
        posterior = vae.encode(batch)
        means.append(posterior.mean.double())
        kls.append(posterior.kl().double())
        for _ in range(samples):
            params = vae.decoder(posterior.sample(generator))
            log_px += vae.log_px(params, batch).double().sum() / samples
            error = (vae.likelihood.mean(params) - batch) ** 2
            squares += error.double().sum() / samples

    kl = torch.cat(kls).mean(0).cpu()
    codes = torch.cat(means)
    variance = codes.var(0, unbiased=False).cpu()
    distortion = -float(log_px) / len(x)
    rate = float(kl.sum())
    values = {
        "distortion": distortion,
        "rate": rate,
        "negative_elbo": distortion + rate,
        "mse": float(squares) / (len(x) * pixels),
        "bits_per_dim": (distortion + rate) / (pixels * math.log(2)),
        "active_units": float((variance > active_threshold).sum()),
    }
    settings: dict[str, float | str] = {
        "samples": samples, "active_threshold": active_threshold, "examples": len(x)
    }  # fmt: skip
    subject = Subject(vae, x, codes.cpu(), known, seed)
    seconds: dict[str, float] = {}
    sound = all(math.isfinite(value) for value in values.values())  # else the run has diverged
    for name, changed in (further or {}).items() if sound else ():
        tell(name)
        score, seconds[name] = measured(name, changed or {}, subject)
        values |= score.values
        settings |= {f"{name}/{key}": value for key, value in score.settings.items()}
    return Evaluation(values, kl, variance, subject.codes, settings, seconds)
