"""What training images go through, named in a configuration."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from betafront.config.build import build
from betafront.config.compose import compose
from betafront.data import Data, digits
from betafront.errors import UserError
from betafront.own_modules import find_modules_in
from betafront.study.plan import check_key

FLIP = "{_target_: torchvision.transforms.v2.RandomHorizontalFlip, p: 1.0}"
TURN = "{_target_: torchvision.transforms.v2.RandomRotation, degrees: 20}"
OWN = """
from betafront.data import in_memory
def table(name, augment, rows):
    assert augment == 3
    return in_memory(name, [[i, 1.0] for i in range(rows)])
"""


@pytest.fixture(autouse=True)
def imports(own_place: Path) -> Iterator[None]:
    before = list(sys.path)
    find_modules_in(own_place)
    yield
    sys.path[:] = before
    sys.modules.pop("owntables", None)


def data_of(*words: str) -> Data:
    return build(compose(["data.limit=200", *words])).data


def first(data: Data) -> torch.Tensor:
    return next(iter(data.batches("train", 16, torch.Generator().manual_seed(0))))


def test_a_list_of_transforms_is_of_the_training_batches() -> None:
    plain = digits(limit=200)
    flipped = data_of(f"data.augment=[{FLIP}]")
    order = torch.randperm(len(plain.train), generator=torch.Generator().manual_seed(0))[:16]
    assert torch.equal(first(flipped), plain.train[order].flip(-1))
    assert flipped.digest == plain.digest
    assert torch.equal(first(data_of()), plain.train[order])  # nothing is left of it


def test_a_transform_with_a_name_of_its_own_has_settings_to_search() -> None:
    both = f"data.augment={{flip: {FLIP}, turn: {TURN}}}"
    never = FLIP.replace("1.0", "0.0")
    listed = first(data_of(f"data.augment=[{never}, {TURN}]"))
    assert torch.equal(first(data_of(both, "data.augment.flip.p=0.0")), listed)
    assert not torch.equal(first(data_of(both)), listed)


@pytest.mark.parametrize(
    ("augment", "says"),
    [
        ("[3]", r"data\.augment: 3 is no transform: give a list, as \[{_target_:"),
        ("[{p: 1}]", r"data\.augment: {'p': 1} is no transform"),
        ("[{_target_: torch.load}]", "torch.load is of an installed library"),
        ("[{_target_: torchvision.transforms.v2.RandomCrop, size: 20}]", "RandomCrop cannot take"),
        ("[{_target_: torchvision.transforms.v2.RandomFlip}]", "RandomFlip"),
        ("[{_target_: torchvision.transforms.v2.RandomCrop, width: 20}]", "RandomCrop"),
    ],
)
def test_what_is_no_transform_is_refused_in_one_line(augment: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        data_of(f"data.augment={augment}")
    assert "\n" not in str(refused.value)


def test_data_of_the_users_may_have_another_setting_of_that_name() -> None:
    Path("conf/data").mkdir(parents=True)
    Path("conf/data/owntable.yaml").write_text(
        "_target_: owntables.table\nname: own\naugment: 3\nrows: 50\n"
    )
    Path("owntables.py").write_text(OWN)
    assert build(compose(["data=owntable", "model=mlp"])).data.shape == (2,)


def test_a_study_may_search_augmentation_but_no_other_data() -> None:
    for key in ("data.augment", "+data.augment.flip.p"):
        check_key(key)
    for key in ("data", "data.limit", "data.augmentation"):
        with pytest.raises(UserError, match="trials on different data cannot be compared"):
            check_key(key)
