"""The catalogue knows every metric that a run can have."""

import subprocess
import sys

import pytest
import torch

from betafront.data import Known
from betafront.metrics import evaluate
from betafront.metrics.catalogue import CATALOGUE, direction, metric, needing_one_likelihood
from betafront.metrics.registry import OF_MODEL
from betafront.metrics.structure import PROBES, STRUCTURE
from betafront.models import ladder, mlp, sentence
from betafront.objective import Bernoulli, Words, told

SMALL = {"beta_vae_score": {"train_points": 40, "test_points": 40}, "iwae": {"draws": [1, 4]}}


def test_every_value_of_every_metric_is_in_the_catalogue_and_nothing_else() -> None:
    torch.manual_seed(0)
    vae = mlp((1, 8, 8), Bernoulli(), latents=3, hidden=(8,))
    x = torch.rand(400, 1, 8, 8).round()
    known = Known(torch.stack([torch.randint(0, n, (400,)) for n in (2, 4)], 1), (False, True))
    further = {name: SMALL.get(name) for name in (*OF_MODEL, *STRUCTURE, *PROBES)}
    names = {*evaluate(vae, x, further=further, known=known).values}
    names |= {*evaluate(ladder((1, 8, 8), Bernoulli(), (2, 1), (4, 4)), x).values}
    words = told(Words(), 9)
    texts = torch.cat([torch.randint(3, 9, (20, 4)), torch.ones(20, 1, dtype=torch.int64)], 1)
    of_text = {"iwae": {"draws": [1, 4]}}
    names |= {*evaluate(sentence((5,), words, latents=2), texts, further=of_text).values}
    assert {name.rstrip("_0123456789") for name in names} == set(CATALOGUE)


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("val/rate", "rate R (nats)"),
        ("test/mse", "MSE (per data dimension)"),
        ("sd/val/psnr", "PSNR (dB)"),
        ("val/iwae_500", "IWAE 500 (nats)"),
        ("val/rate_layer_2", "rate of layer 2 (nats)"),
        ("val/mig", "MIG"),
        ("val/my_own_kl", "my own KL"),
    ],
)
def test_labels(name: str, axis: str) -> None:
    assert metric(name).axis == axis


def test_facts_hold_on_every_split_and_for_any_number_of_draws() -> None:
    assert metric("val/iwae_7").needs_one_likelihood
    assert not metric("val/mse").needs_one_likelihood
    assert metric("val/active_units_layer_3").head == "active 3"
    assert metric("iwae_1").unit == metric("test/iwae_1000").unit == "nats"


def test_directions() -> None:
    assert direction("val/mig") == direction("test/active_units") == "maximize"
    assert direction("val/active_units_layer_1") == "maximize"
    assert direction("val/iwae_10") == direction("val/total_correlation") == "minimize"
    assert metric("mutual_information").better is None


def test_the_catalogue_needs_no_torch() -> None:
    code = "import sys, betafront.metrics.catalogue; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_compares_within_one_likelihood_only() -> None:
    names = ["val/mse", "val/iwae_5", "val/rate", "test/bits_per_dim", "val/distortion"]
    assert needing_one_likelihood(names) == ["test/bits_per_dim", "val/distortion", "val/iwae_5"]
