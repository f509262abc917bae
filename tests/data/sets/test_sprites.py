"""Sprites: what is drawn is what the factors say, and nothing is drawn twice."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.data import Factors, Images, sprites
from betafront.data.images import memory_limit as room
from betafront.data.sets import outlines
from betafront.data.sets.outlines import OUTLINES, drawn
from betafront.data.sets.sprites import COLOURS, Design, Sheet, stamps
from betafront.errors import UserError

SMALL: dict[str, Any] = {"size": 32, "scales": 4, "orientations": 6, "columns": 8, "rows": 8}
SIZES = (3, 4, 6, 8, 8)
DESIGN = Design(**SMALL, shapes=tuple(OUTLINES), full_circle=False, colours=1)
STEP = 2  # pixels between places
FRAME = 32 - 7 * STEP


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "betafront"


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sheet]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Sheet(DESIGN, stamps(DESIGN))


@pytest.fixture(scope="module")
def grid(sheet: Sheet) -> Tensor:
    """All images by their factors: (shapes, scales, orientations, x, y, 32, 32)."""
    return sheet[torch.arange(len(sheet))].view(*SIZES, 32, 32)


def small(**changed: Any) -> Images:
    return sprites(**(SMALL | changed))


def known(images: Images) -> Factors:
    assert images.factors is not None
    return images.factors


def everything(images: Images) -> tuple[Tensor, Tensor]:
    """All images, and their factors."""
    parts = ("train", "val", "test")
    return (
        torch.cat([getattr(images, part) for part in parts]),
        torch.cat([getattr(known(images), part) for part in parts]),
    )


def centroids(images: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of the middle of the light, in pixels from the corner."""
    places = torch.arange(images.shape[-1], dtype=torch.float64) + 0.5
    area = images.double().sum((-2, -1))
    x = (images.double().sum(-2) * places).sum(-1) / area
    y = (images.double().sum(-1) * places).sum(-1) / area
    return x, y


def test_every_combination_of_factors_once() -> None:
    images = small()
    x, values = everything(images)
    assert [len(images.train), len(images.val), len(images.test)] == [3686, 461, 461]
    assert known(images).names == ("shape", "scale", "orientation", "x", "y")
    assert known(images).sizes == SIZES
    assert known(images).ordinal == (False, True, True, True, True)
    assert len({tuple(row) for row in values.tolist()}) == len(values) == math.prod(SIZES)
    assert images.shape == (1, 32, 32)
    assert images.levels == 2
    assert x.unique().tolist() == [0, 1]


def test_no_two_images_are_the_same() -> None:
    x, _ = everything(small())
    assert len({image.numpy().tobytes() for image in x}) == len(x)


def test_an_image_is_what_its_factors_say(sheet: Sheet) -> None:
    images = small(split_seed=3)
    x, values = everything(images)
    assert not torch.equal(values, sheet.factors.varying().values)  # they were shuffled
    numbers = torch.from_numpy(np.ravel_multi_index(tuple(values.T.numpy()), SIZES))
    assert torch.equal(x, sheet[numbers])


def test_the_same_choice_is_the_same_data_with_the_cache_or_without(cache: Path) -> None:
    digest = small().digest
    assert digest == small().digest
    for file in cache.iterdir():
        file.unlink()
    assert digest == small().digest
    others = [small(split_seed=1), small(limit=1000), small(orientations=4), small(rows=7)]
    assert len({digest, *(other.digest for other in others)}) == 5


def test_no_more_than_the_limit_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    draw = Sheet.__getitem__

    def counted(self: Sheet, numbers: Tensor) -> Tensor:
        asked.append(len(numbers))
        return draw(self, numbers)

    monkeypatch.setattr(Sheet, "__getitem__", counted)
    x, values = everything(sprites(limit=300))  # of 368,640, 64 x 64
    assert asked == [300]
    assert x.shape == (300, 1, 64, 64)
    assert len({tuple(row) for row in values.tolist()}) == 300


def test_x_and_y_move_the_sprite_and_change_nothing_else(grid: Tensor) -> None:
    x, y = centroids(grid)
    place = STEP * torch.arange(8, dtype=torch.float64)
    first = (slice(None),) * 3 + (slice(0, 1), slice(0, 1))
    torch.testing.assert_close(x - x[first], place[:, None].expand_as(x), rtol=0, atol=1e-9)
    torch.testing.assert_close(y - y[first], place.expand_as(y), rtol=0, atol=1e-9)
    area = grid.sum((-2, -1))
    assert torch.equal(area, area[first].expand_as(area))


def test_scale_and_orientation_leave_the_sprite_in_its_place(grid: Tensor) -> None:
    for along, middle in zip(centroids(grid[..., 0, 0, :, :]), (FRAME / 2,) * 2, strict=True):
        # A turned outline fills other pixels, which moves the middle of so few by part of one.
        assert float((along - middle).abs().max()) < 0.25


def test_scale_alone_changes_the_area(grid: Tensor) -> None:
    area = grid[..., 0, 0, :, :].sum((-2, -1))
    assert bool((area.diff(dim=1) > 0).all())
    # The outline's own area times the square of the scale, up to half a pixel all along an outline
    # that is no longer than the circle around it.
    radius = FRAME / 2 * torch.linspace(0.5, 1, 4)
    for shape, unit in enumerate((2, math.pi / 2, heart_area())):
        wrong = (area[shape] - (unit * radius**2)[:, None]).abs().amax(1)
        assert bool((wrong < math.pi * radius).all())


def heart_area() -> float:
    """Of a square of side 2 with two half discs, shrunk into the unit circle."""
    centroid = (math.pi / 2 + 2 / 3) / (4 + math.pi)
    return (4 + math.pi) / (2 * (1 + centroid) ** 2)


def test_no_sprite_is_cut_by_its_frame() -> None:
    scales, degrees = np.linspace(0.5, 1, 4), np.arange(24) * 15
    for outline in OUTLINES.values():
        framed = drawn(outline, scales, degrees, FRAME, FRAME)
        free = drawn(outline, scales / 2, degrees, 2 * FRAME, 2 * FRAME)
        margin = FRAME // 2
        assert np.array_equal(framed, free[..., margin:-margin, margin:-margin])
        assert framed.sum() == free.sum()


def test_frames_fill_the_image_exactly(grid: Tensor) -> None:
    frames = grid[..., 0, 0, :, :].flatten(0, -3)
    assert not frames[:, FRAME:].any()
    assert not frames[:, :, FRAME:].any()
    last = grid[..., -1, -1, :, :].flatten(0, -3)
    assert not last[:, : 32 - FRAME].any()
    assert not last[:, :, : 32 - FRAME].any()
    assert torch.equal(last[:, 32 - FRAME :, 32 - FRAME :], frames[:, :FRAME, :FRAME])


@pytest.mark.parametrize(
    ("name", "area"), [("square", 2), ("ellipse", math.pi / 2), ("heart", heart_area())]
)
def test_outlines_have_their_centroid_in_the_middle_and_reach_the_unit_circle(
    name: str, area: float
) -> None:
    line = (np.arange(2000) + 0.5) / 1000 - 1
    u, v = np.meshgrid(line, line)
    inside = OUTLINES[name].inside(u, v)
    assert inside.sum() / 1e6 == pytest.approx(area, abs=1e-3)
    assert float(u[inside].mean()) == pytest.approx(0, abs=1e-3)
    assert float(v[inside].mean()) == pytest.approx(0, abs=1e-3)
    assert 0.995 < float(np.hypot(u, v)[inside].max()) <= 1.0001


@pytest.mark.parametrize("name", list(OUTLINES))
def test_an_outline_looks_the_same_after_its_period_and_not_before(name: str) -> None:
    outline, one = OUTLINES[name], np.ones(1)
    turns = outline.period * np.array([0, 1, 1 / 2, 1 / 3, 1 / 4])
    pictures = drawn(outline, one, turns, 33, 33)[0]
    assert np.array_equal(pictures[0], pictures[1])
    for other in pictures[2:]:
        assert (other != pictures[0]).mean() > 0.02


def test_a_heart_stands_on_its_tip_and_turns_clockwise() -> None:
    upright, turned = drawn(OUTLINES["heart"], np.ones(1), np.array([0, 90]), 33, 33)[0]
    assert np.array_equal(upright, upright[:, ::-1])
    widths = upright.sum(1)[upright.any(1)]
    assert widths[-1] < 4
    assert int(widths.argmax()) < len(widths) / 2
    assert np.array_equal(turned, np.rot90(upright, -1))


def test_over_the_full_circle_a_square_has_four_orientations() -> None:
    images = small(full_circle=True, orientations=4, rows=1, columns=1)
    x, values = everything(images)
    assert known(images).names == ("shape", "scale", "orientation")
    assert known(images).ordinal == (False, True, False)
    distinct = [len({i.numpy().tobytes() for i in x[values[:, 0] == shape]}) for shape in range(3)]
    assert distinct == [4, 4 * 2, 4 * 4]


@pytest.mark.parametrize(
    ("shapes", "arc", "ordinal"),
    [
        (["square"], 90, False),
        (["ellipse"], 180, False),
        (["heart"], 360, False),
        (["heart", "ellipse"], 180, True),
        (["ellipse", "square"], 90, True),
    ],
)
def test_orientations_go_as_far_as_the_shapes_let_them(
    shapes: list[str], arc: int, ordinal: bool
) -> None:
    design = dataclasses.replace(DESIGN, shapes=tuple(shapes))
    assert (design.arc, design.ordinal[2]) == (arc, ordinal)


def test_colours_are_a_factor_in_three_channels() -> None:
    images = small(colours=7, limit=2000)
    x, values = everything(images)
    assert images.shape == (3, 32, 32)
    assert x.unique().tolist() == [0, 1]
    assert known(images).names[-1] == "colour"
    assert (known(images).sizes[-1], known(images).ordinal[-1]) == (7, False)
    light = x.amax(1, keepdim=True)
    paint = torch.tensor(list(COLOURS.values()), dtype=torch.float32)[values[:, -1]]
    assert torch.equal(x, light * paint[:, :, None, None])
    white = Sheet(DESIGN, stamps(DESIGN))
    numbers = torch.from_numpy(np.ravel_multi_index(tuple(values.T[:-1].numpy()), SIZES))
    assert torch.equal(light, white[numbers])


def test_stamps_are_read_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = small().digest
    (file,) = cache.iterdir()
    assert file.suffix == ".npz"

    def drawn_again(*_: Any) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(outlines, "drawn", drawn_again)
    assert small().digest == digest
    assert list(cache.iterdir()) == [file]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"<html>not found</html>",
        lambda whole: whole[:200] + bytes([whole[200] ^ 1]) + whole[201:],
    ],
    ids=["empty", "short", "no archive", "one bit"],
)
def test_a_damaged_cache_is_made_anew(cache: Path, damage: Callable[[bytes], bytes]) -> None:
    digest = small().digest
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert small().digest == digest
    with np.load(file) as mended:
        assert mended["array"].shape == (3, 4, 6, FRAME, FRAME)
    assert list(cache.iterdir()) == [file]


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = small().digest
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert small().digest == digest


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shapes": ["square", "hart"]}, r"no shape 'hart': did you mean 'heart'\?"),
        ({"shapes": []}, r"data\.shapes must name shapes, each once"),
        ({"shapes": ["heart", "heart"]}, r"data\.shapes must name shapes, each once"),
        ({"scales": 0}, r"data\.scales must be from 1 to 32 .*, not 0"),
        ({"orientations": 361}, r"data\.orientations must be from 1 to 360 .*, not 361"),
        ({"columns": 17}, r"data\.columns must be from 1 to 16 where data\.size=32, not 17"),
        ({"rows": -1}, r"data\.rows must be from 1 to 16"),
        ({"colours": 8}, r"data\.colours must be from 1 to 7"),
        ({"size": 4}, r"data\.size must be from 8 to 256, not 4"),
        ({"orientations": 60}, r"data\.size=32 is too small .* change data\.orientations \(now 60"),
    ],
)
def test_sprites_that_cannot_be_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        small(**changed)
    assert "\n" not in str(refused.value)


def test_more_images_than_the_memory_holds_are_refused_with_the_limit_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    total = room.psutil.virtual_memory().total
    monkeypatch.setattr(room, "PART", 1000 * 4 * 32 * 32 / total)
    with pytest.raises(UserError, match=r"data=sprites: 4,608 images .* data\.limit=(999|1000) or"):
        small()
    assert len(everything(small(limit=999))[0]) == 999


@pytest.mark.parametrize("likelihood", ["bernoulli", "categorical"])
def test_the_shipped_choices_train(
    betafront: Callable[..., Any], fast: tuple[str, ...], likelihood: str
) -> None:
    said = betafront("train", "data=sprites_small", f"likelihood={likelihood}", *fast)
    assert said.code == 0, said.err
    assert "sprites_small" in said.out
