"""What a trained model is worth, in nats: never with the training weight or the schedule."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.data.data import Examples
from betafront.data.factors import Known
from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.lengths import mean_dims, of_symbols, per_token
from betafront.metrics.registry import Announce, Settings, Subject, measure, silent
from betafront.metrics.score import EVALUATION_BATCH
from betafront.models import Model

SAMPLED = "sampled"
"""What `settings["rate"]` says where the rate is a mean over the draws of z, and no closed form."""

ALWAYS = (
    "distortion", "rate", "negative_elbo", "mse", "bits_per_dim", "nll_per_token", "perplexity",
    "active_units",
)  # fmt: skip
LAYER = re.compile(r"_layer_\d+$")


@dataclass(frozen=True)
class Evaluation:
    """A model on one split of the data.

    Attributes:
        values: `distortion`, `rate` and `negative_elbo` in nats per example, `mse` per data
            dimension where E[x|z] exists, `bits_per_dim`, `active_units`; of sequences of symbols
            `nll_per_token`, the negative ELBO per token in nats, and `perplexity`; of a hierarchy
            `rate_layer_1` and `active_units_layer_1` of the lowest layer, next to x, and so on.
        kl: (M,) mean KL per latent dimension in nats; their sum is the rate.
        variance: (M,) variance over the examples of the posterior means.
        active: (M,) which latents are counted by `active_units`.
        codes: (n, M) the posterior means.
        settings: what the values depend on: draws per example, threshold, examples; where the rate
            is a mean over draws `rate`, which is `SAMPLED`, and of several draws `rate_error`, its
            standard error over them in nats; and of each further metric, under its name.
        seconds: that each further metric took.
    """

    values: dict[str, float]
    kl: Tensor
    variance: Tensor
    active: Tensor
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


def of_every_run(name: str) -> bool:
    """Whether each run has a value of this name, as `val/rate`, or each run of a hierarchy, as
    `val/rate_layer_1`."""
    return LAYER.sub("", name.rpartition("/")[2]) in ALWAYS


class _Drawn(NamedTuple):
    """Sums over all n examples of means over the draws of each, in float64."""

    log_px: float
    squares: float | None
    kl: Tensor  # (M,) the mean over the examples
    rate_error: float | None  # of a sampled rate of several draws: its standard error
    codes: Tensor  # (n, M) the posterior means


@in_eval_mode
@torch.no_grad()
def evaluate(
    model: Model,
    x: Tensor | Examples,
    *,
    samples: int = 8,
    enough: int | None = None,
    active_threshold: float = 0.01,
    further: Mapping[str, Settings | None] | None = None,
    known: Known | None = None,
    seed: int = 0,
    announce: Announce = silent,
) -> Evaluation:
    """Evaluate on all of `x`, the same numbers for the same model, data and seed.

    The distortion and the squared error (of E[x|z]) are means over draws of z from q(z|x), and so
    is the rate of a model that has no closed form for it. Bits per dimension are
    (D + R) / (N ln 2); of sequences of symbols N is their mean number of symbols in `x`, and the
    perplexity is exp((D + R) / N). Of a mass, and of a density on dequantised data
    (`model.log_volume`), D is in nats of the discrete images: a bound on their code length, by
    which densities and masses compare. Of a density on other data it is in the data's own scale,
    and may be negative.

    Args:
        model: in evaluation mode or not; left as it was.
        x: (n, …) on the device of the model, in memory or read part by part.
        samples: draws of z per example.
        enough: draws of all examples together, of which no more are made than that makes necessary:
            what is told are means over the examples, and of many of them one draw each has as small
            an error. A rate without a closed form has two draws at least, which tell its error.
        active_threshold: a latent is active when the variance of its posterior mean over the data
            (biased, as in Burda et al. 2016, section 5.2) exceeds it; in a hierarchy, where a mean
            also varies that only passes on what the layer above says, when its KL in nats does
            (Sønderby et al. 2016).
        further: names of `betafront.metrics.registry` and their settings, where they differ.
        known: the factors behind `x`, if any are known.
        seed: of the draws.
        announce: called with the name of each further metric as it begins.

    Raises:
        UserError: a further metric is unknown, or cannot be had of this data.
    """
    samples = _draws(samples, enough, len(x), 1 if model.analytic_rate else 2)
    drawn = _draw(model, x, samples, torch.Generator(x.device).manual_seed(seed))
    dims = mean_dims(x)
    variance = drawn.codes.var(0, unbiased=False).cpu()
    distortion, rate = -drawn.log_px / len(x), float(drawn.kl.sum())
    values = {"distortion": distortion, "rate": rate, "negative_elbo": distortion + rate}
    if drawn.squares is not None:
        values["mse"] = drawn.squares / (len(x) * dims)
    values["bits_per_dim"] = (distortion + rate) / (dims * math.log(2))
    if of_symbols(x):
        values |= per_token(distortion + rate, dims)
    layered = len(model.widths) > 1
    active = (drawn.kl if layered else variance) > active_threshold
    values["active_units"] = float(active.sum())
    if layered:
        values |= _of_layers("rate", drawn.kl, model) | _of_layers("active_units", active, model)
    settings: dict[str, float | str] = {
        "samples": samples, "active_threshold": active_threshold, "examples": len(x)
    }  # fmt: skip
    if not model.analytic_rate:
        settings["rate"] = SAMPLED
    if drawn.rate_error is not None:
        settings["rate_error"] = drawn.rate_error
    subject = Subject(model, x, drawn.codes.cpu(), known, seed)
    seconds: dict[str, float] = {}
    sound = all(math.isfinite(value) for value in values.values())  # else the run has diverged
    for name, changed in (further or {}).items() if sound else ():
        announce(name)
        score, seconds[name] = measure(name, changed or {}, subject)
        values |= score.values
        settings |= {f"{name}/{key}": value for key, value in score.settings.items()}
    return Evaluation(values, drawn.kl, variance, active, subject.codes, settings, seconds)


def _draws(samples: int, enough: int | None, examples: int, least: int) -> int:
    """Draws of z per example: `samples`, or as many as make `enough` in all, if that is fewer."""
    if enough is None:
        return samples
    return min(samples, max(least, math.ceil(enough / examples)))


def _of_layers(name: str, each: Tensor, model: Model) -> dict[str, float]:
    """A value of each layer of a hierarchy, the sum of those of its latents.

    Args:
        name: of the value.
        each: (M,) of the latents.
        model: the hierarchy.
    """
    parts = each.split(list(model.widths))
    return {f"{name}_layer_{i}": float(part.sum()) for i, part in enumerate(parts, 1)}


def _draw(model: Model, x: Tensor | Examples, samples: int, generator: torch.Generator) -> _Drawn:
    """Decode `samples` draws of z for each example, the encoder run once."""
    log_px = torch.zeros((), dtype=torch.float64, device=x.device)
    squares, has_mean = torch.zeros_like(log_px), False
    spread = torch.zeros_like(log_px)  # of the rate over the draws of each example
    kls, codes = [], []
    for batch in x.split(EVALUATION_BATCH):
        encoded = model.encode(batch)
        codes.append(model.means(encoded).double())
        kl, rates = torch.zeros_like(log_px), list[Tensor]()
        for before in range(samples):
            draw = model.draw(encoded, generator)
            seen = model.observe(draw.z, batch, mean=batch.is_floating_point())
            log_px += seen.log_px.double().sum() / samples
            if seen.mean is not None:
                squares += ((seen.mean - batch) ** 2).double().sum() / samples
                has_mean = True
            if not model.analytic_rate:
                rates.append(draw.kl.double().sum(1))
            kl = kl + (draw.kl.double() - kl) / (before + 1)  # exact where all draws have one kl
        kls.append(kl)
        if len(rates) > 1:
            spread += torch.stack(rates).var(0).sum()
    sum_of_squares = float(squares) if has_mean else None
    known = not model.analytic_rate and samples > 1
    error = math.sqrt(float(spread) / samples) / len(x) if known else None
    spectrum = torch.cat(kls).mean(0).cpu()
    return _Drawn(float(log_px), sum_of_squares, spectrum, error, torch.cat(codes))
