"""A user's Dataset: whatever its items are, its splits and labels; one line where it is wrong."""

import multiprocessing
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.support.datasets import (
    Broken,
    Dictionaries,
    Endless,
    Mixed,
    Module,
    N,
    Noisy,
    Pairs,
    Swapped,
    images,
)

from betafront.data import SPLITS, Data, Images, InMemory, dataset, in_memory
from betafront.errors import UserError


def made(given: Any, **settings: Any) -> Data:
    return dataset("mine", given, **settings)


def check_all(data: Data) -> None:
    """Every image is there once, with its class."""
    every = images()
    seen = []
    for split in SPLITS:
        known = data.known(split)
        assert known is not None
        for x, (y,) in zip(data.examples(split), known.values.tolist(), strict=True):
            (i,) = (every == x).flatten(1).all(1).nonzero().flatten().tolist()
            assert i % 3 == y
            seen.append(i)
    assert sorted(seen) == list(range(N))


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (Pairs(), {}),
        (Dictionaries(), {"field": "image", "label": "kind"}),
        (Swapped(), {"field": 1, "label": 0}),
        ({"train": Pairs(60), "validation": Pairs(10, 60), "test": Pairs(10, 70)}, {}),
    ],
)
def test_items_of_every_form_are_split_with_their_labels(given: Any, settings: Any) -> None:
    data = made(given, **settings)
    assert isinstance(data, Images)
    check_all(data)
    assert "80 examples are held in memory, 0.0 MB" in data.note


def test_it_is_split_as_the_same_array_is() -> None:
    ours, array = (
        made(Pairs(), val=0.2, split_seed=3),
        in_memory("x", images(), val=0.2, split_seed=3),
    )
    assert ours.digest == array.digest
    fewer = made(Pairs(), limit=30, split_seed=3)
    assert fewer.digest == in_memory("x", images(), limit=30, split_seed=3).digest


def test_splits_that_are_given_are_kept() -> None:
    data = made({"train": Pairs(60), "test": Pairs(20, 60)}, val=0.2)
    assert [data.size(split) for split in SPLITS] == [48, 12, 20]
    assert data.examples("test").equal(images()[60:])
    assert made({"train": Pairs(60), "test": Pairs(20, 60)}, limit=15).size("test") == 15


def test_a_data_module_gives_its_own_splits_through_its_own_collate_fn() -> None:
    module = Module()
    data = made(module)
    assert module.said == ["prepared", "fit", "test"]
    assert _in_order(data.examples("train")).equal(_in_order(images()[:60]))
    assert data.examples("val").equal(images()[60:72] / 2)
    assert data.examples("test").equal(images()[72:])
    known = data.known("val")
    assert known is not None
    assert known.values[:, 0].tolist() == [i % 3 for i in range(60, 72)]


def _in_order(x: torch.Tensor) -> torch.Tensor:
    flat = x.flatten(1)
    return flat[flat[:, 0].argsort()]


def test_lightnings_own_hooks_are_no_loaders() -> None:
    from pytorch_lightning import LightningDataModule

    class Own(LightningDataModule):
        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(Pairs())

    data = made(Own())
    assert [data.size(split) for split in SPLITS] == [64, 8, 8]
    check_all(data)


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        ([Image.fromarray(np.full((4, 6, 3), i, np.uint8)) for i in range(N)], (3, 4, 6)),
        ([np.full((4, 6), i / N) for i in range(N)], (1, 4, 6)),
        ([[float(i), 0.0, 1.0] for i in range(N)], (3,)),
        ([(torch.full((5,), float(i)),) for i in range(N)], (5,)),
    ],
)
def test_examples_of_every_kind_are_arrays(items: list[Any], shape: tuple[int, ...]) -> None:
    data = made(items)
    assert isinstance(data, InMemory)
    assert data.shape == shape
    assert data.factors is None
    greatest = float(data.train[:, 0].max())
    assert greatest <= 1 if isinstance(data, Images) else greatest > 1


def test_labels_that_are_no_classes_are_left() -> None:
    assert made([(x, float(i)) for i, x in enumerate(images())]).factors is None
    assert made([(x, x) for x in images()]).factors is None
    known = made([(x, torch.tensor([i % 2, i % 5])) for i, x in enumerate(images())]).factors
    assert known is not None
    assert (known.names, known.sizes) == (("label_0", "label_1"), (2, 5))


def test_what_is_drawn_for_an_example_is_drawn_once_and_seeded() -> None:
    state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    first, again = made(Noisy()), made(Noisy())
    assert first.digest == again.digest
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.random.get_state()[1].tolist() == state[1]  # type: ignore[index, union-attr]
    assert "differ each time that they are read" in first.note


def test_palettes_are_colours() -> None:
    pictures = [Image.new("RGB", (5, 4), (i, 2 * i, 0)).quantize(4) for i in range(N)]
    assert made(pictures).shape == (3, 4, 5)


def test_a_module_that_splits_at_random_splits_by_the_seed() -> None:
    class Splitting(Module):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            self.rows = torch.randperm(60).tolist()

        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(torch.utils.data.Subset(Pairs(60), self.rows[:40]))

    first, again = (made(Splitting()) for _ in range(2))
    assert first.size("train") == 40
    assert first.digest == again.digest


def test_a_process_that_may_have_no_others_reads_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
    check_all(made(Pairs(), workers=2))


class Counted(Endless):
    def __len__(self) -> int:
        return N


class Missing(Pairs):
    def __len__(self) -> int:
        raise FileNotFoundError("index.csv")


WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "dictionaries": (
        Dictionaries(),
        {},
        "gives dictionaries of image, kind, id: say which one is the example, data.field=image",
    ),
    "a key that is not there": (
        Dictionaries(),
        {"field": "imag"},
        "data.field=imag: the items of data.dataset have no 'imag': did you mean 'image'",
    ),
    "text as example": (
        Dictionaries(),
        {"field": "kind"},
        "an example is str 'a', and no array of numbers: name another of image, kind, id",
    ),
    "labels first": (
        Swapped(),
        {},
        "gives (int 0, an array of [1, 4, 6]), of which int 0 is taken as the example: it has to "
        "be an array: data.field=1 takes an array of [1, 4, 6]",
    ),
    "no such place": (Pairs(), {"field": 2}, "data.field=2: data.dataset gives (an array of"),
    "an image as label": (
        [(x, x) for x in images()],
        {"label": 1},
        "data.label=1 is an array of [1, 4, 6]: a label is one value",
    ),
    "mixed shapes": (Mixed(), {}, "several shapes: [1, 4, 6] and, example 7"),
    "a broken one": (
        Broken(),
        {},
        "datasets.py, line 61: OSError: picture 71 cannot be read",
    ),
    "no length": (Endless(), {}, "Endless gives examples one after the other"),
    "a length of those one after the other": (Counted(), {}, "Counted gives examples one after"),
    "a length that fails": (Missing(), {}, "Missing.__len__: "),
    "a class": (Pairs, {}, "and no Dataset: name one as data.dataset={_target_: mymodule.MySet}"),
    "a name": ("mymodule.MySet", {}, "is 'mymodule.MySet', and no Dataset"),
    "nothing": (None, {}, "data.dataset is None, and no Dataset"),
    "a number": (3, {}, "data.dataset: int is no Dataset"),
    "empty": ([], {}, "the val split has 0 example(s)"),
    "other splits": ({"a": Pairs(), "b": Pairs()}, {}, "has the sets a, b: name them train, val"),
    "other shapes of splits": (
        {"train": Pairs(), "test": [torch.zeros(1, 5, 5)] * 9},
        {},
        "examples of [1, 4, 6] in train and of [1, 5, 5] in test",
    ),
    "NaN": (
        [torch.full((5,), torch.nan)] * 40,
        {},
        "has NaN or infinity: mend it, or leave",
    ),
    "in_memory": (Pairs(), {"in_memory": "no"}, "data.in_memory is true, false or null, not no"),
    "workers": (Pairs(), {"workers": -1}, "data.workers must be a whole number"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_one_line(name: str) -> None:
    given, settings, says = WRONG[name]
    with pytest.raises(UserError) as refused:
        made(given, **settings)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_data_module_that_fails_or_moves_batches_is_one_line() -> None:
    class Failing(Module):
        def setup(self, stage: str) -> None:
            raise ValueError("no such folder")

    class Moving(Module):
        def on_after_batch_transfer(self, batch: Any, _: int) -> Any:
            return batch

    class Dropping(Module):
        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(
                Pairs(60), collate_fn=lambda items: items[0][0][None]
            )

    class Several(Module):
        def val_dataloader(self) -> Any:
            return [super().val_dataloader()] * 2

    for module, says in (
        (Failing(), "Failing.setup: .*ValueError: no such folder"),
        (Moving(), "Moving has on_after_batch_transfer, which is not called here"),
        (Dropping(), "its collate_fn makes 1 examples of 60: leave out in the Dataset"),
        (Several(), "Several.val_dataloader gives list: return one DataLoader"),
    ):
        with pytest.raises(UserError, match=says):
            made(module)
