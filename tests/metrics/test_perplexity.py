"""Sentences are measured by their tokens: N, NLL per token and perplexity, and their bounds."""

import math
from typing import Any

import pytest
import torch
from tests.support.sentences import VOCABULARY, sentences
from torch import Tensor

from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.metrics.catalogue import metric
from betafront.metrics.lengths import mean_dims
from betafront.metrics.stationary_beta import stationary_beta
from betafront.metrics.zero_rate import zero_rate
from betafront.models import VAE, Model, Posterior, Shape, sentence
from betafront.objective import Draw, Likelihood, Words, told

X = sentences(60).examples("train")
TOKENS = float((X != 0).sum(1).double().mean())


class Uniform(Model):
    """Every symbol has the same mass at every position, and q(z|x) is the prior."""

    def __init__(self) -> None:
        super().__init__(1)
        self.likelihood: Likelihood = told(Words(), VOCABULARY)

    def draw(
        self, encoded: Tensor, noise: Any = None, *, draws: int = 1, log_ratio: bool = False
    ) -> Draw:
        z = torch.zeros(len(encoded) * draws, 1)
        return Draw(z, z, z[:, 0].double() if log_ratio else None)

    def means(self, encoded: Tensor) -> Tensor:
        return torch.zeros(len(encoded), 1)

    def prior(self, n: int, noise: Any = None) -> Tensor:
        return torch.zeros(n, 1)

    def decode(self, z: Tensor) -> Tensor:
        raise AssertionError("symbols have no mean")

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        return -math.log(VOCABULARY) * (x != 0).sum(1)


def test_the_perplexity_of_a_uniform_model_is_the_number_of_symbols() -> None:
    found = evaluate(Uniform(), X, samples=1, further={"iwae": {"draws": [1, 4]}}).values
    assert found["distortion"] == pytest.approx(TOKENS * math.log(VOCABULARY), rel=1e-6)
    assert found["nll_per_token"] == pytest.approx(math.log(VOCABULARY), rel=1e-6)
    assert found["bits_per_dim"] == pytest.approx(math.log2(VOCABULARY), rel=1e-6)
    for name in ("perplexity", "iwae_perplexity_1", "iwae_perplexity_4"):
        assert found[name] == pytest.approx(VOCABULARY, rel=1e-6)
    assert "mse" not in found


def test_the_bound_of_more_draws_has_the_smaller_perplexity() -> None:
    torch.manual_seed(0)
    vae = small((X.shape[1],), told(Words(), VOCABULARY))
    further = {"iwae": {"draws": [1, 10]}}
    found = evaluate(vae, X, samples=4, further=further).values
    assert found["perplexity"] == pytest.approx(math.exp(found["negative_elbo"] / TOKENS))
    assert found["iwae_perplexity_10"] == pytest.approx(math.exp(found["iwae_10"] / TOKENS))
    assert found["iwae_perplexity_10"] < found["iwae_perplexity_1"]


def small(shape: Shape, likelihood: Likelihood) -> VAE:
    return sentence(shape, likelihood, latents=2, embedding=4, hidden=6)


def test_padding_is_no_dimension() -> None:
    longer = torch.nn.functional.pad(X, (0, 5))
    assert mean_dims(longer) == mean_dims(X) == pytest.approx(TOKENS)
    assert mean_dims(torch.zeros(3, 2, 4)) == 8


def test_at_rate_0_words_are_as_frequent_as_in_training() -> None:
    train, val = torch.tensor([[3, 1, 0], [3, 3, 1]]), torch.tensor([[4, 1]])
    found = zero_rate(told(Words(), 5), train, val)
    # Once more each: <eos> 3, <unk> 1, word 3 four times, word 4 once, of 9.
    nats = -(math.log(1 / 9) + math.log(3 / 9))
    assert found["distortion"] == pytest.approx(nats)
    assert found["perplexity"] == pytest.approx(math.exp(nats / 2))
    assert "mse" not in found


def test_the_beta_of_a_trained_model_of_sentences_can_be_measured() -> None:
    torch.manual_seed(0)
    vae = small((X.shape[1],), told(Words(), VOCABULARY))
    beta, error = stationary_beta(vae, X, samples=2)
    assert math.isnan(beta) == math.isnan(error)
    assert isinstance(vae.encode(X), Posterior)


def test_metrics_of_images_are_refused() -> None:
    with pytest.raises(UserError, match=r"PSNR and SSIM are for images, .* leave it out with"):
        evaluate(Uniform(), X, samples=1, further={"likeness": None})


def test_the_catalogue_knows_them() -> None:
    assert metric("val/iwae_perplexity_100").axis == "IWAE perplexity 100"
    assert metric("val/iwae_100").axis == "IWAE 100 (nats)"
    assert metric("nll_per_token").axis == "NLL per token (nats/token)"
    assert metric("perplexity").better == "minimize"
