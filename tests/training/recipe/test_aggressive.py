"""Encoders that are trained by themselves before each step, for as long as they lag behind."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.models import two_layers
from tests.support.sentences import sentences
from torch import Tensor

from betafront.config.build import check
from betafront.errors import UserError
from betafront.models import hierarchical, sentence
from betafront.objective import Cyclical, Words
from betafront.training import Halted, Run, RunFolder, Trainer, fit_one
from betafront.training.recipe import aggressive
from betafront.training.state import RunState

MakeRun = Callable[..., Run]


def trainer(most: int | None = 4, **changed: Any) -> Trainer:
    settings = {"steps": 8, "batch_size": 32, "accelerator": "cpu", "aggressive": most} | changed
    return Trainer(**settings)


@pytest.fixture
def of_sentences(make_run: MakeRun) -> MakeRun:
    """A run of sentences whose decoder drops words: 72 of them, two steps an epoch."""
    model = partial(sentence, latents=2, embedding=4, hidden=6, word_dropout=0.3, dropout=0.1)
    return partial(
        make_run, data=sentences(), architecture=model, likelihood=Words, schedule=Cyclical()
    )


def bits(parameters: list[Tensor]) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_updates_of_the_encoder_leave_the_decoder_alone_and_a_step_the_encoder(
    make_run: MakeRun,
) -> None:
    state = RunState(make_run(trainer=trainer(40)), torch.device("cpu"))
    optimizer, vae, own = state.make_optimizer(), state.vae, state.aggressive
    assert own is not None
    encoder, decoder = list(vae.encoder.parameters()), list(vae.decoder.parameters())
    batch = torch.rand(16, 1, 8, 8)

    def loss(x: Tensor) -> Tensor:
        terms = vae(x, state.generators.noise)
        return state.objective.loss(terms, 0.0)

    before = bits(encoder), bits(decoder)
    own.before_step(vae, optimizer, iter([batch] * 50), loss, None)
    assert own.updates[0] in (30, 40)  # where a window has not improved on the one before
    assert not equal(bits(encoder), before[0])
    assert equal(bits(decoder), before[1])
    before = bits(encoder), bits(decoder)
    loss(batch).backward()
    own.keep_encoder(vae)
    optimizer.step()
    assert equal(bits(encoder), before[0])
    assert not equal(bits(decoder), before[1])


def test_an_objective_that_does_not_improve_ends_the_updates(make_run: MakeRun) -> None:
    state = RunState(make_run(trainer=trainer(100)), torch.device("cpu"))
    assert state.aggressive is not None
    optimizer, (first, *_) = state.make_optimizer(), state.vae.encoder_parameters()
    values = iter([3.0] * 15 + [2.0] * 15 + [2.0] * 15 + [1.0] * 55)

    def loss(_: Tensor) -> Tensor:
        return 0.0 * first.sum() + next(values)

    batches = iter([torch.zeros(1)] * 100)
    state.aggressive.before_step(state.vae, optimizer, batches, loss, None)
    assert state.aggressive.updates == [45]


def test_it_ends_once_the_mutual_information_falls(
    of_sentences: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([0.5, 0.8, 0.7, 2.0])
    monkeypatch.setattr(aggressive, "mutual_information", lambda *_: next(found))
    result = fit_one(of_sentences(trainer=trainer(3)), tmp_path / "run")
    assert [row["step"] for row in result.history] == [2, 4, 6, 8]
    with np.load(RunFolder(tmp_path / "run").trace) as trace:
        assert trace["encoder_updates"].tolist() == [3, 3, 3, 3, 3, 3, 0, 0]
    assert result.settings["aggressive/encoder_updates"] == 18
    assert result.settings["aggressive/steps"] == 6
    assert result.data["symbols"] == 9


def test_a_run_that_was_stopped_ends_with_the_same_bits(
    of_sentences: MakeRun, tmp_path: Path
) -> None:
    def make() -> Run:
        return of_sentences(trainer=trainer(5, ema=0.9, clip_norm=5.0))

    whole = fit_one(make(), tmp_path / "whole")
    halts = iter([False, True])
    with pytest.raises(Halted):
        fit_one(make(), tmp_path / "halted", halt=lambda: next(halts))
    resumed = fit_one(make(), tmp_path / "halted")
    assert resumed.metrics == whole.metrics
    assert resumed.settings == whole.settings
    one, two = (RunFolder(tmp_path / name) for name in ("whole", "halted"))
    for a, b in ((one.model, two.model), (one.history, two.history), (one.trace, two.trace)):
        assert a.read_bytes() == b.read_bytes(), a.name


@pytest.mark.parametrize("settings", [{"accumulate": 2}, {"devices": 2}, {"precision": "16-mixed"}])
def test_settings_that_have_no_place_for_it_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"trainer\.aggressive=4 takes steps of the encoder by its"):
        trainer(**settings)


def test_runs_that_have_no_such_encoder_are_refused(make_run: MakeRun) -> None:
    run = make_run(trainer=trainer(), make_optimizer=torch.optim.LBFGS)
    with pytest.raises(UserError, match=r"trainer\.aggressive=4: L-BFGS has no steps"):
        check(run)
    for layered in (two_layers, hierarchical):  # of the latter `encode` gives one layer's Gaussian
        with pytest.raises(UserError, match=r"mutual information of x and z.* of this model is an"):
            check(make_run(trainer=trainer(), architecture=layered))
    with pytest.raises(UserError, match=r"trainer\.aggressive must be a whole number of updates"):
        trainer(0)
