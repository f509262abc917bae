"""A run asks its data for nothing but what stands in the contract."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from betafront.config.build import check
from betafront.data import Batches, Data, Images
from betafront.models import Model
from betafront.objective import Likelihood
from betafront.training import Run
from betafront.training.fitting import fit_one

MakeRun = Callable[..., Run]


@dataclass
class Elsewhere(Data):
    """Data of another make: it has no tensors to slice, and passes on what the contract asks."""

    behind: Images
    shown: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name, self.factors = self.behind.name, self.behind.factors

    @property
    def shape(self) -> tuple[int, ...]:
        return self.behind.shape

    @property
    def digest(self) -> str:
        return self.behind.digest

    def size(self, split: str) -> int:
        return self.behind.size(split)

    def examples(self, split: str, limit: int | None = None) -> Tensor:
        return self.behind.examples(split, limit)

    def batches(self, split: str, size: int, generator: torch.Generator | None = None) -> Batches:
        return self.behind.batches(split, size, generator)

    def to(self, device: torch.device | str) -> "Elsewhere":
        return Elsewhere(self.behind.to(device), self.shown)

    def check(self, likelihood: Likelihood) -> None:
        self.behind.check(likelihood)

    def show(self, model: Model, outcome: Any, folder: Path) -> None:
        self.shown.append(folder)


def test_data_of_another_make_trains_to_the_same_bits(
    make_run: MakeRun, small_digits: Images, tmp_path: Path
) -> None:
    other = Elsewhere(small_digits)
    run = make_run(data=other)
    check(run)
    ours = fit_one(run, tmp_path / "ours")
    images = fit_one(make_run(data=small_digits), tmp_path / "images")
    assert ours.metrics == images.metrics
    assert ours.history == images.history
    assert ours.data == images.data
    assert other.shown == [tmp_path / "ours/pictures"]
    assert not (tmp_path / "ours/pictures").exists()
