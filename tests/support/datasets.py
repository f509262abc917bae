"""Datasets as users have them: pairs, dictionaries, augmented, and wrong ones."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

N = 80


def images(n: int = N) -> Tensor:
    """(n, 1, 4, 6) grey images, all different."""
    return torch.rand(n, 1, 4, 6, generator=torch.Generator().manual_seed(0))


class Pairs(Dataset[Any]):
    """(image, class), each image of the class of its number modulo 3."""

    def __init__(self, n: int = N, first: int = 0) -> None:
        self.x = images()[first : first + n]
        self.first = first

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> Any:
        return self.x[i], (self.first + i) % 3


class Dictionaries(Pairs):
    def __getitem__(self, i: int) -> Any:
        x, y = super().__getitem__(i)
        return {"image": x, "kind": "abc"[y], "id": i}


class Swapped(Pairs):
    def __getitem__(self, i: int) -> Any:
        return super().__getitem__(i)[::-1]


class Noisy(Pairs):
    """Augmented: each image has fresh noise whenever it is read, of all three generators."""

    def __getitem__(self, i: int) -> Any:
        import random

        noise = torch.rand(1) + float(np.random.rand()) + random.random()
        return self.x[i] + 0.01 * noise, i % 3


class Mixed(Pairs):
    def __getitem__(self, i: int) -> Any:
        return torch.rand(1, 4, 6 if i < 70 else 5)


class Broken(Pairs):
    def __getitem__(self, i: int) -> Any:
        if i == 71:
            raise OSError("picture 71 cannot be read")
        return self.x[i]


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from images()


class Module:
    """What a `LightningDataModule` is to betafront: loaders of splits of its own. Lightning's own
    class is behind it in the tests that have the time to import it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def prepare_data(self) -> None:
        self.said.append("prepared")

    def setup(self, stage: str) -> None:
        self.said.append(stage)
        self.data = Pairs()

    def train_dataloader(self) -> Any:
        return DataLoader(Subset(self.data, range(60)), batch_size=8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(Subset(self.data, range(60, 72)), batch_size=8, collate_fn=halved)

    def test_dataloader(self) -> Any:
        return [DataLoader(Subset(self.data, range(72, 80)))]


def halved(items: list[Any]) -> Any:
    return torch.stack([x for x, _ in items]) / 2, torch.tensor([y for _, y in items])
