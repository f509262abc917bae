"""The audit names sums and means, and the sizes that a weight hangs on."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from betafront.weights.audit import audit
from betafront.weights.projects import kl

SHAPE, N, M = (1, 6, 5), 30, 7
EXACT = 1e-9  # float64, where the recognised gradient is the exact one


def kl_sum(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1).mean()


def squared(x: Tensor, r: Tensor) -> Tensor:
    return (x - r).square().flatten(1).sum(1).mean()


def look(loss: Any, **arguments: Any) -> Any:
    return audit(loss, **{"shape": SHAPE, "latents": M} | arguments)


def test_pytorchs_old_example_works_for_one_size_only() -> None:
    def loss(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        entropy = functional.binary_cross_entropy(recon_x, x.view(-1, 784))
        return entropy + kl(mu, logvar).sum() / (len(x) * 784)

    verdict = audit(loss, (1, 28, 28), 20)
    assert verdict.beta == pytest.approx(1, rel=EXACT)
    assert "the image size is hard-coded" in verdict.unknown["pixels"]
    assert "deprecated" not in verdict.unknown["pixels"]
    assert "pixels" not in verdict.reductions["reconstruction"]
    assert "flat" in verdict.layout


def test_a_size_written_as_a_number_shows_when_the_image_grows() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(reconstruction, x) + kl_sum(mu, log_var) / N

    verdict = look(loss)
    assert verdict.beta == pytest.approx(0.5, rel=EXACT)
    assert verdict.beta_by_shape == pytest.approx({"1x6x5": 0.5, "1x12x10": 2.0}, rel=EXACT)
    assert any(f"1/{N}" in line for line in verdict.notes)


def test_dividing_both_by_the_size_is_a_sum() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(reconstruction, x) + kl_sum(mu, log_var) / x[0].numel()

    verdict = look(loss)
    assert (verdict.normalisation, verdict.clean) == ("sum", True)
    assert verdict.reductions["kl"]["pixels"] == "divided by N"


def test_a_mean_over_the_batch_beside_a_sum() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(reconstruction, x, reduction="sum") + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta is None
    by_batch = {"1": 0.5, "64": 0.5 / 64, "256": 0.5 / 256}
    assert verdict.beta_by_batch == pytest.approx(by_batch, rel=EXACT)
    assert "changes with the batch size" in verdict.warnings[0]
    assert verdict.reductions["reconstruction"]["batch"] == "sum"
    assert verdict.reductions["kl"]["batch"] == "mean"


def test_a_loss_for_one_batch_size_only_is_told_for_that_one() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        weights = torch.ones(4)
        return squared(x, reconstruction) + (weights * kl(mu, log_var).sum(1)).mean()

    verdict = look(loss)
    assert verdict.beta is None
    assert "0.5 at B = 4" in verdict.unknown["beta"]
    assert "the batch size is hard-coded" in verdict.unknown["batch"]


def test_dividing_by_the_batch_twice() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + kl_sum(mu, log_var) / len(x)

    verdict = look(loss)
    assert verdict.reductions["kl"]["batch"] == "divided twice"
    assert "divided by the batch size twice: the KL" in verdict.warnings
    assert verdict.beta is None


def test_a_mean_over_latents_beside_a_sum_over_pixels() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + kl(mu, log_var).mean()

    verdict = look(loss)
    assert verdict.beta == pytest.approx(0.5 / M, rel=EXACT)
    assert verdict.normalisation is None
    assert "changes with the latents" in verdict.warnings[0]


def test_a_sum_over_the_last_side_only() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return (x - reconstruction).square().sum(-1).mean() + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(6 / 2, rel=EXACT)  # mean over 1 channel and 6 rows
    assert verdict.reductions["reconstruction"]["width"] == "sum"
    assert verdict.reductions["reconstruction"]["height"] == "mean"
    assert "reduced in two ways" in verdict.warnings[0]


def test_a_loss_of_flat_images() -> None:
    def loss(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        rows, columns = x.shape
        assert rows and columns
        return ((x - x_hat) ** 2).sum(1).mean() + kl_sum(mu, logvar)

    verdict = look(loss)
    assert verdict.layout == "flat (B, N)"
    assert verdict.beta == pytest.approx(0.5, rel=EXACT)
