"""Folders of pictures: what is read, from what, and what is refused."""

import json
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.support.picture_folders import folder_of, noise, save, smooth

from betafront.data import SPLITS, Images, StreamedImages, folder
from betafront.data.images import prepare
from betafront.data.images.folder import preparing, processes
from betafront.data.images.folder.pixels import pixels
from betafront.data.images.new_images import ImagePreparation
from betafront.errors import UserError
from betafront.objective import Bernoulli, DiscretizedLogistic, Gaussian


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/betafront/folders"


@pytest.fixture
def pics(tmp_path: Path) -> Path:
    """Forty grey pictures of 6 x 5 pixels."""
    return folder_of(tmp_path / "pics", 40, lambda i: noise((6, 5), i))


def read(path: Path, **changed: Any) -> Images | StreamedImages:
    return folder("pics", str(path), **changed)


def everything(data: Images | StreamedImages) -> torch.Tensor:
    return torch.cat([data.examples(split) for split in SPLITS])


def as_set(x: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(image) for image in (x * 255).round().int().flatten(1).tolist()}


@pytest.mark.parametrize("in_memory", [True, False])
def test_every_picture_is_there_once_as_it_was(pics: Path, in_memory: bool) -> None:
    data = read(pics, in_memory=in_memory)
    assert isinstance(data, Images if in_memory else StreamedImages)
    assert data.shape == (1, 6, 5)
    assert [data.size(split) for split in SPLITS] == [32, 4, 4]
    assert as_set(everything(data)) == {
        tuple(noise((6, 5), i).flatten().tolist()) for i in range(40)
    }
    assert data.levels == 256
    assert "40 pictures of 6 x 5 pixels" in data.note
    assert ("in memory, 0.0 MB" if in_memory else "read batch by batch") in data.note


WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fewer levels": {"levels": 8},
    "binary": {"binarize": 0.5},
    "dequantised": {"dequantize": True},
    "binary, dequantised, fewer": {"binarize": 0.3, "dequantize": True, "limit": 30},
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_streamed_and_in_memory_are_the_bits_of_prepared_images(
    pics: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("betafront.data.images.stored.BLOCK", 3)  # so that noise crosses blocks
    settings = {"val": 0.2, "test": 0.3, "split_seed": 5} | WAYS[way]
    stored, memory = (read(pics, in_memory=where, **settings) for where in (False, True))
    x = torch.stack([torch.from_numpy(noise((6, 5), i))[None] for i in range(40)]).float() / 255
    theirs = prepare("pics", x, **({"levels": 256, "limit": None, "binarize": None} | settings))
    assert stored.digest == memory.digest
    assert read(pics, in_memory=False, **(settings | {"split_seed": 6})).digest != stored.digest
    assert stored.log_volume == memory.log_volume == theirs.log_volume
    for split in SPLITS:
        for data in (stored, memory):
            assert torch.equal(data.examples(split), theirs.examples(split))
            assert torch.equal(data.examples(split, 3), theirs.examples(split, 3))
            assert torch.equal(torch.cat(list(data.batches(split, 7))), theirs.examples(split))
            ours, other = (
                list(d.batches(split, 5, torch.Generator().manual_seed(3))) for d in (data, theirs)
            )
            assert len(ours) == len(other)
            assert all(map(torch.equal, ours, other))


def test_a_likelihood_is_held_against_what_occurs(pics: Path) -> None:
    grey, binary = (read(pics, in_memory=False, binarize=b) for b in (None, 0.5))
    grey.check(Gaussian())
    grey.check(DiscretizedLogistic(levels=256))
    binary.check(Bernoulli())
    spread = read(pics, in_memory=False, dequantize=True)
    spread.check(DiscretizedLogistic(levels=256, dequantized=True))
    for data, wrong in ((grey, Bernoulli()), (spread, DiscretizedLogistic(levels=256))):
        with pytest.raises(UserError, match="likelihood="):
            data.check(wrong)


def test_the_second_reading_decodes_nothing_and_a_changed_picture_all(
    pics: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(pics)
    for used in ("head", "pixels"):
        monkeypatch.setattr(f"betafront.data.images.folder.preparing.{used}", None)
    assert read(pics, split_seed=0, limit=40).digest == first.digest
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parents[1]))
    save(pics / "0003.png", noise((6, 5), 99))
    changed = read(pics)
    assert changed.digest != first.digest
    assert tuple(noise((6, 5), 99).flatten().tolist()) in as_set(everything(changed))
    assert not list(cache.glob("*.part"))


def test_a_limit_decodes_the_chosen_ones_alone_and_they_are_those_of_the_same_seed(
    pics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = torch.stack([torch.from_numpy(noise((6, 5), i))[None] for i in range(40)]).float() / 255
    settings: dict[str, Any] = {"limit": 12, "split_seed": 3, "val": 0.25, "test": 0.25}
    theirs = prepare("pics", every, levels=256, binarize=None, **settings)
    decoded = list[str]()

    def counting(path: Path, *how: Any) -> Any:
        decoded.append(path.name)
        return pixels(path, *how)

    monkeypatch.setattr(preparing, "pixels", counting)
    data = read(pics, in_memory=False, **settings)
    assert len(decoded) == len(set(decoded)) == 12
    assert "12 pictures of 6 x 5 pixels, of 40 below" in data.note
    for split in SPLITS:
        assert torch.equal(data.examples(split), theirs.examples(split))
    (pics / next(f"{i:04}.png" for i in range(40) if f"{i:04}.png" not in decoded)).write_text("")
    assert read(pics, **settings).digest == data.digest
    (pics / decoded[0]).write_text("")
    with pytest.raises(UserError, match=f"1 of 12 pictures below .*, {decoded[0]} "):
        read(pics, **settings)
    with pytest.raises(UserError, match=r"data\.limit must be at least 1, not 0"):
        read(pics, limit=0)


def test_a_file_that_is_removed_as_unused_stays_for_who_has_it_and_is_made_again(
    pics: Path, cache: Path
) -> None:
    first = read(pics, in_memory=False)
    for path in cache.iterdir():
        os.utime(path, (0, 0))
    other = read(pics, in_memory=False, size=4)  # added, so the first is removed
    assert {path.suffix for path in cache.iterdir()} == {".images", ".json", ".lock"}
    assert len(list(cache.glob("*.images"))) == 1
    assert everything(first).shape == (40, 1, 6, 5)
    assert torch.equal(everything(read(pics)), everything(first))
    assert torch.equal(everything(read(pics, size=4)), everything(other))


def test_a_damaged_cache_is_made_again(pics: Path, cache: Path) -> None:
    first = read(pics)
    (images,) = cache.glob("*.images")
    os.truncate(images, 100)
    assert torch.equal(everything(read(pics)), everything(first))
    (record,) = cache.glob("*.json")
    record.write_text("{")
    assert torch.equal(everything(read(pics)), everything(first))
    assert json.loads(record.read_text())["shape"] == [1, 6, 5]


def test_of_those_who_ask_at_once_one_decodes_and_the_others_wait(
    pics: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = list[Path]()

    def slowly(path: Path, *how: Any) -> Any:
        decoded.append(path)
        sleep(0.002)
        return pixels(path, *how)

    monkeypatch.setattr(preparing, "pixels", slowly)
    cache.mkdir(parents=True)
    with ThreadPoolExecutor(4) as at_once:
        found = list(at_once.map(lambda _: read(pics, in_memory=False), range(4)))
    assert len(decoded) == len(set(decoded)) == 40
    assert len({data.digest for data in found}) == 1


def test_a_copy_reads_on_when_the_first_one_is_gone(pics: Path) -> None:
    data = read(pics, in_memory=False)
    every = everything(data)
    copy = pickle.loads(pickle.dumps(data))
    del data
    assert torch.equal(everything(copy), every)


def test_what_a_killed_process_left_is_removed(pics: Path, cache: Path) -> None:
    first = read(pics)
    (images,) = cache.glob("*.images")
    images.rename(images.with_name(f"{images.name}.999999.part"))
    assert read(pics).digest == first.digest
    assert not list(cache.glob("*.part"))


def test_processes_make_the_same_file(
    pics: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (pics / "0007.png").write_text("no picture")
    alone = read(pics, broken="skip", size=4)
    before = torch.get_rng_state()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    monkeypatch.setattr(processes, "FEW", 10)
    monkeypatch.setattr(preparing, "PICTURES", 7)
    together = read(pics, broken="skip", size=4)
    assert together.digest == alone.digest
    assert torch.equal(everything(together), everything(alone))
    assert torch.equal(torch.get_rng_state(), before)


def test_where_the_cache_cannot_be_written_one_line_says_so(
    pics: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be kept in .*file.*XDG_CACHE_HOME"):
        read(pics)


def test_progress_is_said_where_it_takes_long(
    pics: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read(pics)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("betafront.data.images.folder.progress.EVERY", 0)
    read(pics, size=4)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("data=pics: looking at: 40 of 40 pictures")
    assert said[1].startswith("data=pics: decoding: 32 of 40 pictures, about ")


def test_more_than_the_memory_allows_is_read_batch_by_batch(
    pics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 4 * 40 * 6 * 5
    monkeypatch.setattr("betafront.data.images.memory_limit.memory", lambda: 4 * size)
    assert isinstance(read(pics), Images)
    monkeypatch.setattr("betafront.data.images.memory_limit.memory", lambda: 4 * size - 1)
    assert isinstance(read(pics), StreamedImages)
    assert isinstance(read(pics, limit=39), Images)
    monkeypatch.setattr("betafront.data.images.memory_limit.MOST", 10)
    assert isinstance(read(pics, limit=39), StreamedImages)


def test_folders_are_labels_of_their_pictures(tmp_path: Path) -> None:
    for kind, level in (("cats", 10), ("dogs", 200)):
        folder_of(
            tmp_path / f"pics/all/{kind}",
            10,
            lambda i, level=level: np.full((4, 4), level + i, np.uint8),
            "deep/{}.png",
        )
    data = read(tmp_path / "pics", in_memory=False)
    assert data.factors is not None
    assert (data.factors.names, data.factors.sizes) == (("label",), (2,))
    for split in SPLITS:
        known = data.known(split)
        assert known is not None
        dogs = data.examples(split)[:, 0, 0, 0] * 255 > 100
        assert known.values[:, 0].bool().equal(dogs)
    assert read(tmp_path / "pics", labels=False).factors is None


KINDS: dict[str, tuple[np.ndarray, str]] = {
    "grey PNG": (noise((5, 5), 0), "png"),
    "colour PNG": (noise((5, 5, 3), 0), "png"),
    "grey TIFF": (noise((5, 5), 0), "tif"),
    "colour TIFF": (noise((5, 5, 3), 0), "tiff"),
    "16-bit PNG": (noise((5, 5), 0, 65535), "png"),
    "16-bit TIFF": (noise((5, 5), 0, 65535), "tif"),
    "WebP": (noise((5, 5, 3), 0), "webp"),
    "BMP": (noise((5, 5, 3), 0), "BMP"),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_pictures_of_many_kinds_have_their_values(tmp_path: Path, kind: str) -> None:
    picture, ending = KINDS[kind]
    how = {"lossless": True, "exact": True} if ending == "webp" else {}
    folder_of(tmp_path / "pics", 20, lambda _: picture, f"{{}}.{ending}", **how)
    data = read(tmp_path / "pics")
    top = np.iinfo(picture.dtype).max
    channels_first = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    expected = torch.from_numpy(channels_first.astype(np.float32)) / float(top)
    assert torch.equal(data.examples("val", 1)[0], expected)
    assert data.levels == (256 if top == 255 else None)
    assert ("divided by 65,535" in data.note) == (top == 65535)


def test_jpegs_are_brought_to_a_size_as_new_images_are(tmp_path: Path) -> None:
    shapes = [(30, 40), (52, 31), (16, 20)]
    folder_of(tmp_path / "pics", 12, lambda i: smooth(*shapes[i % 3], i), "{}.jpg", quality=95)
    data = read(tmp_path / "pics", size=16, val=0.25, test=0.25)
    assert data.shape == (3, 16, 16)
    assert "16 x 20 to 52 x 31 pixels" in data.note
    assert "the middle square, brought to 16 x 16" in data.note
    new = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "pics").iterdir())]
    assert isinstance(data.preparation, ImagePreparation)
    made = torch.cat([data.preparation(image[None]) for image in new])
    assert as_set(made) == as_set(everything(data))


def test_pictures_are_upright_and_what_is_transparent_is_white(tmp_path: Path) -> None:
    lying = np.zeros((4, 6), np.uint8)
    lying[0] = 200
    how = Image.Exif()
    how[0x0112] = 6  # to be turned by a quarter, clockwise
    folder_of(tmp_path / "lying", 6, lambda _: lying, exif=how)
    upright = read(tmp_path / "lying", val=0.4, test=0.4).examples("val", 1)[0, 0] * 255
    assert upright.tolist() == np.rot90(lying, -1).tolist()
    folder_of(tmp_path / "tiffs", 6, lambda _: lying, "{}.tif", exif=how)
    of_tiff = read(tmp_path / "tiffs", val=0.4, test=0.4).examples("val", 1)[0, 0] * 255
    assert of_tiff.equal(upright)
    clear = np.zeros((4, 4, 4), np.uint8)
    clear[:2, :, 3] = 255
    folder_of(tmp_path / "clear", 6, lambda _: clear)
    data = read(tmp_path / "clear", val=0.4, test=0.4)
    assert data.examples("val", 1)[0, :, :, 0].tolist() == [[0, 0, 1, 1]] * 3
    assert "6 may be transparent" in data.note


def test_grey_and_coloured_pictures_are_made_alike_where_that_is_asked(tmp_path: Path) -> None:
    pics = folder_of(tmp_path / "pics", 6, lambda i: np.full((4, 4), 10 * i, np.uint8))
    folder_of(pics, 6, lambda i: np.full((4, 4, 3), 100 + i, np.uint8), "c{}.png")
    with pytest.raises(
        UserError, match=r"6 grey \(first 0000.png\) and 6 in colour \(first c0000"
    ) as e:
        read(pics)
    assert "data.channels=1 or data.channels=3" in str(e.value)
    parts = {"val": 0.2, "test": 0.2}
    grey, colour = (read(pics, channels=c, **parts) for c in (1, 3))
    assert (grey.shape, colour.shape) == ((1, 4, 4), (3, 4, 4))
    assert torch.equal(everything(grey).expand(-1, 3, -1, -1), everything(colour))


def test_broken_files_are_named_and_left_out_where_that_is_asked(pics: Path) -> None:
    whole = (pics / "0005.png").read_bytes()
    (pics / "0005.png").write_bytes(whole[: len(whole) - 30])
    (pics / "0007.png").write_text("no picture")
    (pics / "0009.png").unlink()
    (pics / "0009.png").symlink_to("nowhere.png")
    with pytest.raises(UserError) as refused:
        read(pics)
    said = str(refused.value)
    assert "3 of 40 pictures" in said
    assert "0005.png (" in said
    assert "and 2 more" in said
    assert "data.broken=skip" in said
    assert "\n" not in said
    data = read(pics, broken="skip", in_memory=False)
    assert sum(data.size(split) for split in SPLITS) == 37
    assert "3 cannot be read and are left out: 0005.png, 0007.png, 0009.png." in data.note
    kept = {tuple(noise((6, 5), i).flatten().tolist()) for i in range(40) if i not in (5, 7, 9)}
    assert as_set(everything(data)) == kept


def test_of_a_file_of_several_pictures_the_first_is_taken_and_that_is_said(tmp_path: Path) -> None:
    pics = folder_of(tmp_path / "pics", 5, lambda i: noise((6, 5), i))
    stack = [Image.fromarray(noise((6, 5), 10 + i)) for i in range(3)]
    stack[0].save(pics / "stack.tif", save_all=True, append_images=stack[1:])
    data = read(pics, val=0.4, test=0.3)
    assert tuple(noise((6, 5), 10).flatten().tolist()) in as_set(everything(data))
    assert len(everything(data)) == 6
    assert "1 hold several pictures" in data.note


def test_links_that_lead_nowhere_or_round_and_hidden_files_do_no_harm(pics: Path) -> None:
    (pics / "round").symlink_to("round")
    (pics / "again").symlink_to(pics)
    for hidden in (".DS_Store", "._0000.png", "__MACOSX/0000.png", ".cache/a.png"):
        (pics / hidden).parent.mkdir(exist_ok=True)
        (pics / hidden).write_text("no picture")
    (pics / "0001.png").rename(pics / "0001.PNG")
    assert len(everything(read(pics))) == 40


def test_a_folder_that_may_not_be_read_is_named(
    pics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pics / "locked").mkdir()
    listed = os.scandir

    def locked(at: Path) -> Any:
        if Path(at).name == "locked":  # whoever runs the tests may be allowed everything
            raise PermissionError(13, "Permission denied", str(at))
        return listed(at)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(UserError, match=r"locked cannot be looked into \(Permission denied\)"):
        read(pics)


def empty(at: Path) -> dict[str, Any]:
    at.mkdir()
    return {}


def of_texts(at: Path) -> dict[str, Any]:
    at.mkdir()
    (at / "notes.txt").write_text("")
    return {}


def one_file(at: Path) -> dict[str, Any]:
    at.write_text("")
    return {}


def of_two_sizes(at: Path) -> dict[str, Any]:
    folder_of(at, 6, lambda i: noise((5 if i else 4, 5), i))
    return {}


def of_two_depths(at: Path) -> dict[str, Any]:
    folder_of(at, 6, lambda i: noise((5, 5), i, 65535 if i else 255))
    return {}


def all_broken(at: Path) -> dict[str, Any]:
    at.mkdir()
    (at / "a.jpg").write_text("no picture")
    return {"broken": "skip"}


def beside_classes(at: Path) -> dict[str, Any]:
    folder_of(at, 3, lambda i: noise((5, 5), i), "cats/{}.png")
    folder_of(at, 2, lambda i: noise((5, 5), i))
    return {}


def of_splits(at: Path) -> dict[str, Any]:
    folder_of(at, 3, lambda i: noise((5, 5), i), "train/{}.png")
    folder_of(at, 3, lambda i: noise((5, 5), i), "test/{}.png")
    return {}


def without_classes(at: Path) -> dict[str, Any]:
    folder_of(at, 3, lambda i: noise((5, 5), i))
    return {"labels": True}


def asking(**settings: Any) -> Callable[[Path], dict[str, Any]]:
    def make(at: Path) -> dict[str, Any]:
        folder_of(at, 6, lambda i: noise((5, 5), i))
        return settings

    return make


WRONG: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "no folder": (lambda _: {}, "there is no folder .*mine in .*: "),
    "empty": (empty, "data.path: there is no picture in .*mine .*: name the folder that holds"),
    "other files": (of_texts, "of 1 other files the first is notes.txt"),
    "a file": (one_file, "mine is a file: .*data=tensor"),
    "two sizes": (of_two_sizes, "2 sizes, 5 of them 5 x 5 .* and 0000.png 4 x 5: give data.size="),
    "two depths": (of_two_depths, "1 8 bits \\(first 0000.png\\) and 5 16 bits .*keep one kind"),
    "all broken": (all_broken, "none of the 1 pictures .* can be read, first a.jpg"),
    "beside classes": (beside_classes, "2 of 5 pictures lie beside the folders .*labels=false"),
    "splits": (of_splits, "the folders test, train of .* are those of splits"),
    "no classes": (without_classes, "all pictures of .*mine lie in one folder"),
    "too few": (asking(), r"the val split has 1 example\(s\)"),
    "channels": (asking(channels=2), "data.channels is 1, 3 or null, not 2"),
    "broken": (asking(broken="drop"), "data.broken is refuse or skip, not 'drop'"),
    "size": (asking(size=0), "data.size must be a whole number of pixels, not 0"),
    "labels": (asking(labels="labels.npy"), "data.labels is true, false or null .*'labels.npy'"),
    "in_memory": (asking(in_memory="yes"), "data.in_memory is true, false or null, not yes"),
    "levels": (asking(levels=300, val=0.4, test=0.3), "from 2 to 256"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_no_folder_of_pictures_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    make, expected = WRONG[name]
    settings = make(tmp_path / "mine")
    with pytest.raises(UserError, match=expected) as refused:
        read(tmp_path / "mine", **settings)
    assert "\n" not in str(refused.value)


def test_a_folder_is_trained_on_by_its_command_and_an_empty_one_is_not(
    betafront: Callable[..., Any], own_place: Path
) -> None:
    folder_of(own_place / "pics", 60, lambda i: smooth(9, 12, i), "{}.jpg")
    words = ("train", "data=folder", "data.path=pics", "trainer.steps=3", "hydra.run.dir=run")
    said = betafront(*words, "data.size=8", "data.in_memory=false", "likelihood.mode=learned")
    assert said.code == 0, said.err
    assert "60 pictures of 9 x 12 pixels below pics" in said.out
    assert (own_place / "run/pictures/reconstructions.png").is_file()
    (own_place / "empty").mkdir()
    said = betafront("train", "data=folder", "data.path=empty")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "there is no picture in empty" in said.err
