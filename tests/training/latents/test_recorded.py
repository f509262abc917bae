"""The latents that a run records at its validations, against what its model says of them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.models import TwoLayers, coders, two_layers
from torch import Tensor, nn

from betafront.metrics import evaluate
from betafront.models import VAE
from betafront.objective import Linear
from betafront.training import Run, Trainer, fit_one
from betafront.training.history import STEP, VAL_ACTIVE_UNITS
from betafront.training.latents.became import said_of
from betafront.training.latents.history import LatentHistory
from betafront.training.latents.moments import Moments
from betafront.training.latents.record import LatentRecord
from betafront.training.latents.units import MOST, Units

MakeRun = Callable[..., Run]
FLOAT32 = 1e-5


def seen_in_parts(kl: Tensor, means: Tensor, units: Units) -> Any:
    moments = Moments()
    for part in (slice(0, 7), slice(7, 8), slice(8, None)):
        moments.add(kl[part], means[part])
    return moments.seen(units, 0.01)


def examples(n: int, latents: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    spread = torch.linspace(0.01, 0.3, latents)
    means = 1e3 + spread * torch.randn(n, latents, generator=draw)  # far from 0
    return torch.rand(n, latents, generator=draw), means


def test_moments_are_those_of_all_examples() -> None:
    kl, means = examples(40, 6)
    kl = kl * torch.tensor([1, 1, 1e-3, 1, 1e-3, 1])
    seen = seen_in_parts(kl, means, Units((4, 2)))
    variance, each = means.double().var(0, unbiased=False).numpy(), kl.double().mean(0).numpy()
    np.testing.assert_allclose(seen.kl, each, rtol=1e-6)
    np.testing.assert_allclose(seen.variance, variance, rtol=1e-6)
    np.testing.assert_allclose(seen.rate, [each[:4].sum(), each[4:].sum()], rtol=1e-12)
    assert seen.active.tolist() == [3, 1]  # of a hierarchy by the KL
    alone = seen_in_parts(kl, means, Units((6,)))
    assert variance.argsort().tolist() == list(range(6)) and alone.active.tolist() == [4]


def test_a_channel_has_the_kl_of_all_its_positions_and_their_greatest_variance() -> None:
    kl, means = examples(40, 6)
    units = Units.of((6,), (2, 3, 1))
    seen, each = (seen_in_parts(kl, means, u) for u in (units, Units((6,))))
    np.testing.assert_allclose(seen.kl, each.kl.reshape(2, 3).sum(1), rtol=1e-6)
    assert seen.variance.tolist() == each.variance.reshape(2, 3).max(1).tolist()
    assert seen.active.tolist() == each.active.tolist()
    assert units.names == ["channel 1", "channel 2"]


def test_what_is_kept_of_a_wide_code_is_bounded() -> None:
    kl, means = examples(9, MOST + 30)
    units = Units((20, MOST + 10))
    seen = seen_in_parts(kl, means, units)
    assert len(seen.kl) == len(seen.variance) == len(units.names) == 20 + MOST
    assert seen.rate.sum().item() == pytest.approx(kl.double().mean(0).sum().item())


@pytest.fixture(scope="module")
def hierarchy(make_run: MakeRun) -> Run:
    trainer = Trainer(steps=12, batch_size=32, accelerator="cpu", keep="last")
    schedule = Linear(warmup=1.0)
    return make_run(architecture=two_layers, trainer=trainer, schedule=schedule, weight=4.0)


def test_a_run_records_the_latents_of_each_layer(hierarchy: Run, tmp_path: Path) -> None:
    result = fit_one(hierarchy, tmp_path)
    found = LatentHistory.load(tmp_path)
    assert found.step.tolist() == [row[STEP] for row in result.history] == [3, 6, 9, 12]
    assert found.beta.tolist() == [row["train/beta"] for row in result.history]
    assert found.widths.tolist() == [3, 2]
    assert found.kl.shape == (4, 5)
    counted = [row[VAL_ACTIVE_UNITS] for row in result.history]
    assert counted == found.active.sum(1).tolist()
    # The last validation is of the weights that were evaluated: their means are the same.
    from safetensors.torch import load_file

    vae = hierarchy.vae()
    vae.load_state_dict(load_file(tmp_path / "model.safetensors"))
    again = evaluate(vae, hierarchy.data.val, seed=0)
    np.testing.assert_allclose(found.variance[-1], again.variance.numpy(), rtol=FLOAT32)
    assert counted[-1] == result.metrics["val/active_units"]
    for row, layers in zip(result.history, found.rate, strict=True):
        assert layers.sum() == pytest.approx(row["val_one_draw/rate"], rel=FLOAT32)
    assert len(said_of(tmp_path)) == 3


class Prior(nn.Module):
    """An encoder whose posterior is the prior."""

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.latents = latents

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 2 * self.latents)


def prior_alone(shape: Any, likelihood: Any) -> VAE:
    _, decoder, likelihood = coders(shape, likelihood, 4, 2)
    return VAE(Prior(2), decoder, likelihood, 2)


def test_a_posterior_that_is_the_prior_is_collapsed_from_the_start(
    make_run: MakeRun, tmp_path: Path
) -> None:
    fit_one(make_run(architecture=prior_alone), tmp_path)
    found = LatentHistory.load(tmp_path)
    assert not found.kl.any() and not found.variance.any()
    whole, latents = said_of(tmp_path)
    assert whole.startswith("collapsed from the start: R was below 0.05 nats at each of 4")
    assert latents.startswith("none of 2 latents was active at any validation")


def test_the_threshold_is_that_of_the_evaluation(make_run: MakeRun) -> None:
    assert make_run().active_threshold == 0.01
    assert make_run(evaluate=partial(evaluate, active_threshold=0.2)).active_threshold == 0.2
    assert make_run(evaluate=lambda model, x, seed: None).active_threshold == 0.01


def test_a_record_goes_on_from_its_snapshot() -> None:
    record = LatentRecord(Units((2, 1)), 0.01)
    assert record.history(0) is None
    empty = LatentRecord(record.units, 0.01)
    empty.restore(record.snapshot())
    assert not empty.steps and not empty.seen
    for step in (10, 20):
        record.add(step, step / 10, seen_in_parts(*examples(9, 3), record.units))
    again = LatentRecord(record.units, 0.01)
    again.restore(record.snapshot())
    for one in (record, again):
        one.add(30, 3.0, seen_in_parts(*examples(12, 3), record.units))
    first, second = record.history(1), again.history(1)
    assert first is not None and second is not None
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(second, name), err_msg=name)
    assert first.step.tolist() == [10, 20, 30]


def test_the_second_pass_of_the_encoder_is_not_needed(make_run: MakeRun) -> None:
    """A validation runs encoder and decoder once for each batch, whatever the model."""
    from betafront.training.validation.validations import validate

    run = make_run(architecture=two_layers)
    model, calls = run.vae(), {"encoder": 0, "decoder": 0}
    assert isinstance(model, TwoLayers)
    model.encoder.register_forward_hook(lambda *_: calls.update(encoder=calls["encoder"] + 1))
    model.decoder.register_forward_hook(lambda *_: calls.update(decoder=calls["decoder"] + 1))
    x = run.data.val
    noise = torch.Generator().manual_seed(0)
    found = validate(model, [x[:10], x[10:20]], noise, run.objective(model.widths))
    assert calls == {"encoder": 2, "decoder": 2}
    noise.manual_seed(0)
    model.eval()
    with torch.no_grad():
        terms = [model(part, noise) for part in (x[:10], x[10:20])]
    assert torch.equal(found.distortion, torch.cat([t.distortion for t in terms]).double())
    assert torch.equal(found.rate, torch.cat([t.rate for t in terms]).double())
