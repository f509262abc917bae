"""Cautions about data before anything is trained on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.data import Data, InMemory, cautions, data_cautions, digits, sprites, torchvision
from betafront.data.cautions import BINARY_SPREAD, SPREAD


def made(train: Tensor, val: Tensor | None = None, test: Tensor | None = None) -> InMemory:
    """A data set named "mine"; what is not given is drawn, 400 examples each."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(2, 400, *train.shape[1:], generator=generator)
    val, test = drawn[0] if val is None else val, drawn[1] if test is None else test
    return InMemory("mine", train, val, test)


def noise(n: int, seed: int = 1) -> Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_data_with_nothing_odd_has_none() -> None:
    assert data_cautions(made(noise(1000))) == []


def test_shipped_data_has_none() -> None:
    assert data_cautions(digits("digits")) == []
    small = sprites(
        "small", size=32, shapes=["square"], scales=3, orientations=6, columns=8, rows=8
    )
    assert data_cautions(small) == []


@pytest.mark.slow
def test_mnist_has_none(mnist_folder: str) -> None:
    assert data_cautions(torchvision("mnist", "MNIST", mnist_folder, val=1 / 6)) == []


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_equal_examples(value: float) -> None:
    """Every pixel the same, in every split: one line, which says nothing of copies."""
    every = torch.full((300, 1, 4, 4), value)
    (said,) = data_cautions(made(every, every, every))
    assert said.startswith("All training examples of mine are equal (300 were looked at)")


def test_examples_that_equal_each_other_but_have_a_picture() -> None:
    (said,) = data_cautions(made(noise(1).expand(300, -1, -1, -1)))
    assert said.startswith("All training examples of mine are equal")


@pytest.mark.parametrize(("differs", "named"), [(0.004, True), (0.006, False)])
def test_examples_that_hardly_differ(differs: float, named: bool) -> None:
    """Of a greatest value of 0.5 a hundredth is 0.005."""
    train = torch.full((300, 1, 4, 4), 0.5)
    train[:150, 0, 1, 1] -= differs
    train[:, 0, 2, 2] -= differs * torch.linspace(0, 1, 300)  # no two are the same
    said = data_cautions(made(train))
    assert [line.startswith("mine is nearly constant") for line in said] == [True] * named
    assert all("0.004 between two" in line for line in said)


def test_borders_that_never_vary_are_no_reason() -> None:
    train = noise(300)
    train[:, :, :, :3] = 0
    assert data_cautions(made(train)) == []


@pytest.mark.parametrize(("same", "named"), [(160, True), (140, False)])
def test_one_example_many_times(same: int, named: bool) -> None:
    train = noise(300)
    train[:same] = train[0]
    said = data_cautions(made(train))
    assert bool(said) is named
    if named:
        assert said[0].startswith("160 of 300 training examples of mine are one and the same")


def test_copies_between_splits() -> None:
    train, val, test = noise(1000), noise(400, 2), noise(400, 3)
    val[:7], test[:3] = train[5:12], train[:3]
    (said,) = data_cautions(made(train, val, test))
    assert said.startswith("7 of 400 validation examples of mine are copies of training examples")
    test[:90] = train[:90]
    (said,) = data_cautions(made(train, val, test))
    assert said.startswith("7 of 400 validation examples and 90 of 400 test examples of mine are")
    val[:5], test[:88] = noise(5, 4), noise(88, 5)  # 2 of 400 are no more than a hundredth
    assert data_cautions(made(train, val, test)) == []


def test_a_zero_with_a_sign_is_a_zero() -> None:
    train, val = noise(400), noise(400, 2)
    train[:, 0, 0, 0], val[:] = 0.0, train
    val[:, 0, 0, 0] = -0.0
    (said,) = data_cautions(made(train, val))
    assert said.startswith("400 of 400 validation examples")


def test_of_large_data_the_first_examples_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    train, val = noise(1000), noise(400, 2)
    val[:40] = train[:40]
    monkeypatch.setattr(cautions, "VALUES", 16 * 400)  # 100 + 100 held out, 200 for training
    (said,) = data_cautions(made(train, val, noise(400, 3)))
    assert said.startswith(
        "40 of 100 validation examples of mine are copies of the first 200 training examples"
    )


@pytest.mark.parametrize(
    ("binary", "spread"), [(False, SPREAD), (True, BINARY_SPREAD)], ids=["grey", "binary"]
)
def test_too_few_to_see_a_nat(binary: bool, spread: float) -> None:
    """With N = 900 a standard error of 1 nat needs 2025 grey examples, and 36 binary ones."""
    enough = round((spread * 30) ** 2)

    def of(n: int) -> Data:
        x = torch.rand(2500, 900, generator=torch.Generator().manual_seed(0))
        x = (x > 0.5).float() if binary else x
        return InMemory("mine", x, x[:n].flip(1), x[:50].flip(0, 1))

    assert data_cautions(of(enough)) == []
    (said,) = data_cautions(of(enough // 4))
    assert said.startswith(f"mine has {enough // 4:,} validation examples")
    assert "about 2 nats" in said and f"About {enough:,} would" in said


@pytest.mark.parametrize("words", [("train",), ("sweep", "--dry-run", "study=weighting")])
def test_they_are_said_before_anything_is_trained(
    betafront: Callable[..., Any], fast: tuple[str, ...], own_place: Path, words: tuple[str, ...]
) -> None:
    np.save(own_place / "flat.npy", np.full((60, 4, 4), 128, np.uint8))
    small = [w for w in fast if not w.startswith("hydra/") or words[0] == "sweep"]
    said = betafront(
        *words, "data=tensor", "data.path=flat.npy", "data.name=flat", "model.latents=2",
        "study.budget.trials=2", *small,
    )  # fmt: skip
    out = " ".join(said.out.split())
    assert said.code == 0, said.err
    assert "Careful All training examples of flat are equal (48 were looked at)" in out
    first = out.index("Careful")
    assert first < out.index("The space" if words[0] == "sweep" else "is canonical")
