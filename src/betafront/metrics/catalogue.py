"""What is known of every metric without computing it: its unit, which way is better, its name in
tables and on axes. Needs no torch."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

NATS = "nats"
ACRONYMS = {"dci", "irs", "iwae", "kl", "mig", "mmd", "mse", "psnr", "sap", "ssim"}
WITH_NUMBER = re.compile(
    r"(?P<kind>iwae|iwae_perplexity|rate_layer|active_units_layer)_(?P<number>\d+)"
)


@dataclass(frozen=True)
class Metric:
    """The facts of a metric.

    Attributes:
        label: its name in words, without the unit.
        unit: empty for pure numbers, counts and scores.
        better: which way is better whatever the model is for; None where neither is. Of each that
            is maximised 0 is the worst value of interest.
        symbol: its name as the head of a narrow column; empty where it has none.
        needs_one_likelihood: whether its value contains log p(x|z), which of a density is in other
            units than of a mass or of another density: values of different likelihoods compare on
            dequantised data alone.
    """

    label: str
    unit: str = ""
    better: Literal["minimize", "maximize"] | None = None
    symbol: str = ""
    needs_one_likelihood: bool = False

    @property
    def axis(self) -> str:
        """The label with the unit, as in `rate R (nats)`."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def head(self) -> str:
        """The head of a column: the symbol, else the label."""
        return self.symbol or self.label


def _score(label: str) -> Metric:
    """A metric of which more is better, and 0 the worst value."""
    return Metric(label, better="maximize")


CATALOGUE: dict[str, Metric] = {
    # Of every run (`betafront.metrics.evaluation`).
    "distortion": Metric("distortion D", NATS, "minimize", "D", needs_one_likelihood=True),
    "rate": Metric("rate R", NATS, "minimize", "R"),
    "negative_elbo": Metric("−ELBO, D + R", NATS, "minimize", "D + R", needs_one_likelihood=True),
    "mse": Metric("MSE", "per data dimension", "minimize", "MSE"),
    "bits_per_dim": Metric("bits per dim", "bits/dim", "minimize", needs_one_likelihood=True),
    "active_units": Metric("active units", better="maximize", symbol="active"),
    "nll_per_token": Metric("NLL per token", "nats/token", "minimize", needs_one_likelihood=True),
    "perplexity": Metric("perplexity", better="minimize", needs_one_likelihood=True),
    # Of each layer of a hierarchy, named with its number, from the lowest.
    "rate_layer": Metric("rate of layer", NATS, symbol="R"),
    "active_units_layer": Metric("active units of layer", better="maximize", symbol="active"),
    # Of a model and data (`betafront.metrics.registry`).
    # Named with the number of draws, iwae_k.
    "iwae": Metric("IWAE", NATS, "minimize", needs_one_likelihood=True),
    "iwae_perplexity": Metric("IWAE perplexity", better="minimize", needs_one_likelihood=True),
    "mutual_information": Metric("mutual information", NATS),
    "total_correlation": Metric("total correlation", NATS),
    "dimension_wise": Metric("dimension wise KL", NATS),
    "aggregate_kl": Metric("aggregate KL", NATS, "minimize"),
    "sampled_rate": Metric("sampled rate", NATS, "minimize"),
    "mmd": Metric("MMD", better="minimize"),
    "psnr": Metric("PSNR", "dB", "maximize"),
    "ssim": _score("SSIM"),
    # Of codes and factors (`betafront.metrics.structure`).
    "information_top": Metric("information top"),
    "information_second": Metric("information second"),
    "mig": _score("MIG"),
    "dci_disentanglement": _score("DCI disentanglement"),
    "dci_completeness": _score("DCI completeness"),
    "dci_accuracy": _score("DCI accuracy"),
    "dci_informativeness": _score("DCI informativeness"),
    "sap": _score("SAP"),
    "modularity": _score("modularity"),
    "modularity_active": _score("modularity active"),
    "modularity_latents": Metric("modularity latents"),
    "explicitness": _score("explicitness"),
    "beta_vae_score": _score("beta-VAE score"),
    "beta_vae_score_chance": Metric("beta-VAE score chance"),
    "factor_vae_score": _score("factor-VAE score"),
    "factor_vae_score_chance": Metric("factor-VAE score chance"),
    "factor_vae_score_latents": Metric("factor-VAE score latents"),
    "irs": _score("IRS"),
    "irs_latents": Metric("IRS latents"),
    # Of codes and labels.
    "linear_probe": _score("linear probe"),
    "linear_probe_chance": Metric("linear probe chance"),
    "knn_probe": _score("kNN probe"),
    "knn_probe_chance": Metric("kNN probe chance"),
}  # fmt: skip


def metric(name: str) -> Metric:
    """The facts of a metric; of one that is not known, a label made of its name.

    Args:
        name: `mse`, `val/mse`, or longer, as `sd/val/mse`: the facts are those of the last part.
    """
    name = name.rpartition("/")[2]
    if numbered := WITH_NUMBER.fullmatch(name):
        kind = CATALOGUE[numbered["kind"]]
        number = numbered["number"]
        symbol = f"{kind.symbol} {number}" if kind.symbol else ""
        return replace(kind, label=f"{kind.label} {number}", symbol=symbol)
    words = (word.upper() if word in ACRONYMS else word for word in name.split("_"))
    return CATALOGUE.get(name) or Metric(" ".join(words))


def direction(name: str) -> str:
    """`maximize` where more of a metric is better whatever the model is for, else `minimize`.

    Args:
        name: as `metric` takes it.
    """
    return metric(name).better or "minimize"


def needing_one_likelihood(names: Iterable[str]) -> list[str]:
    """Those of the metrics whose values compare within one likelihood only, in order."""
    return sorted(name for name in names if metric(name).needs_one_likelihood)
