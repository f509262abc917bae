"""Streamed training examples: the bits of those in memory, whoever reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.datasets import Broken, Dictionaries, Noisy, Pairs, images

from betafront.config.build import check
from betafront.data import Data, data_cautions, dataset
from betafront.data.datasets.streaming import StreamedDataset
from betafront.errors import UserError
from betafront.models import mlp
from betafront.training import Run
from betafront.training.fitting import fit_one


def streamed(given: Any, **settings: Any) -> StreamedDataset:
    data = dataset("mine", given, in_memory=False, **settings)
    assert isinstance(data, StreamedDataset)
    return data


def epochs(data: Data, n: int = 2) -> torch.Tensor:
    batches = data.batches("train", 16, torch.Generator().manual_seed(5))
    return torch.stack([torch.cat(list(batches)) for _ in range(n)])


def with_dropout(shape: Any, likelihood: Any) -> Any:
    """A model that draws from the global generator as it trains."""
    vae = mlp(shape, likelihood, latents=2, hidden=(16,))
    vae.encoder = torch.nn.Sequential(vae.encoder, torch.nn.Dropout(0.1))
    return vae


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_ends_in_the_same_bits_as_in_memory(
    tmp_path: Path, make_run: Callable[..., Run], workers: int
) -> None:
    data = streamed(Pairs(), workers=workers)
    run = make_run(data=data, architecture=with_dropout, steps=6)
    check(run)
    ours = fit_one(run, tmp_path / "streamed")
    held = dataset("mine", Pairs())
    theirs = fit_one(
        make_run(data=held, architecture=with_dropout, steps=6), tmp_path / "in-memory"
    )
    assert ours.metrics == theirs.metrics
    assert ours.history == theirs.history
    pair = [(tmp_path / name / "model.safetensors") for name in ("streamed", "in-memory")]
    assert pair[0].read_bytes() == pair[1].read_bytes()
    assert (tmp_path / "streamed/pictures/reconstructions.png").is_file()


def test_what_is_drawn_for_a_batch_depends_on_the_epoch_and_not_on_who_reads_it() -> None:
    here, elsewhere = epochs(streamed(Noisy())), epochs(streamed(Noisy(), workers=2))
    assert here.equal(elsewhere)
    plain = epochs(streamed(Pairs()))
    noise = here - plain
    assert noise.min() > 0
    assert not noise[0].equal(noise[1])
    assert here.equal(epochs(streamed(Noisy())))


def test_the_sizes_and_the_digest_are_those_of_all_and_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("betafront.data.datasets.dataset.HELD", 8)
    data = streamed(Pairs())
    held = dataset("mine", Pairs())
    assert [data.size(split) for split in ("train", "val", "test")] == [64, 8, 8]
    assert data.examples("train", 5).equal(held.examples("train", 5))
    assert data.examples("train").equal(held.examples("train"))
    assert torch.cat(list(data.batches("train", 10))).equal(held.examples("train"))
    assert data.at_hand("train") == 8
    assert len(data.digest) == 16
    assert data.digest == streamed(Pairs(), workers=1).digest
    assert data.digest != streamed(Pairs(), split_seed=1).digest
    said = " ".join(data_cautions(data))
    assert "64 training examples are streamed, by the run itself" in said
    assert "Checks and the digest are of the first 8 of them" in said
    known = data.known("val")
    assert known is not None
    assert known.values.equal(held.known("val").values)  # type: ignore[union-attr]


def test_what_does_not_fit_is_streamed_and_what_has_to_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bytes_of_all = 4 * images().numel()

    def with_memory(of: float, **settings: Any) -> Data:
        machine = type("Machine", (), {"total": of})
        monkeypatch.setattr("psutil.virtual_memory", lambda: machine)
        return dataset("mine", Pairs(), **settings)

    monkeypatch.setattr("betafront.data.datasets.dataset.HELD", 8)
    assert not isinstance(with_memory(4 * bytes_of_all), StreamedDataset)
    assert isinstance(with_memory(4 * bytes_of_all - 1), StreamedDataset)
    with pytest.raises(UserError, match=r"the examples take .*: give data.in_memory=false, or"):
        with_memory(4 * bytes_of_all - 1, in_memory=True)
    with pytest.raises(UserError, match=r"the validation and test examples take .* smaller"):
        with_memory(bytes_of_all)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_example_that_cannot_be_read_in_training_is_one_line(
    monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr("betafront.data.datasets.dataset.HELD", 8)
    monkeypatch.setattr("betafront.data.datasets.dataset.SAMPLE", 8)
    given = {"train": Broken(), "val": Pairs(10), "test": Pairs(10)}
    data = streamed(given, workers=workers)
    with pytest.raises(
        UserError, match=r"example 71: .*OSError: picture 71 cannot be read"
    ) as said:
        epochs(data)
    assert "\n" not in str(said.value)


def test_dictionaries_are_streamed_too() -> None:
    data = streamed(Dictionaries(), field="image", label="kind")
    assert data.factors is not None
    assert (data.factors.names, data.factors.sizes, len(data.factors.val)) == (("kind",), (3,), 8)
    assert epochs(data).equal(epochs(dataset("mine", Pairs())))
