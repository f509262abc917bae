from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from betafront.front.table import thinned
from betafront.study.display.gallery import ROWS, along, embedded, latents, taken, thumbnails
from betafront.training.folder import RunFolder
from betafront.training.latents.history import LatentHistory

LEAST = {"val/rate": "minimize", "val/distortion": "minimize"}


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Ten trials with pictures of noise, of which the first five are on the front."""
    rng = np.random.default_rng(0)
    for trial in range(10):
        folder = RunFolder(tmp_path / f"trial-{trial}").pictures
        folder.mkdir(parents=True)
        for kind in ("reconstructions", "traversals", "samples"):
            Image.fromarray(rng.integers(0, 255, (68, 544, 3), np.uint8)).save(
                folder / f"{kind}.png"
            )
    rate = [float(t % 5) for t in range(10)]
    distortion = [5.0 - r + (t >= 5) for t, r in enumerate(rate)]
    return pd.DataFrame(
        {
            "trial": range(10), "folder": [f"trial-{t}" for t in range(10)], "val/rate": rate,
            "val/distortion": distortion,
        }
    )  # fmt: skip


def test_pictures_keep_to_their_room(table: pd.DataFrame, tmp_path: Path) -> None:
    much = along(table, tmp_path, 10**9)
    assert [one.trial for one in much] == [0, 1, 3, 4, 5, 6, 8, 9]
    assert set(much[0].pictures) == {"reconstructions", "traversals", "samples"}
    less = along(table, tmp_path, taken(much) - 1)
    assert 0 < taken(less) < taken(much)
    all_of_them = thumbnails(table, LEAST, tmp_path, 10**9)
    assert set(all_of_them) == set(range(10))
    room = sum(map(len, all_of_them.values())) // 2
    some = thumbnails(table, LEAST, tmp_path, room)
    assert sum(map(len, some.values())) <= room
    assert set(some) <= set(range(5))  # of the front first


def test_what_is_gone_or_damaged_is_left_out(table: pd.DataFrame, tmp_path: Path) -> None:
    (RunFolder(tmp_path / "trial-0").pictures / "reconstructions.png").write_bytes(b"no picture")
    (RunFolder(tmp_path / "trial-1").pictures / "reconstructions.png").unlink()
    assert set(thumbnails(table, LEAST, tmp_path, 10**9)) == set(range(2, 10))
    (one, *_) = along(table, tmp_path, 10**9)
    assert set(one.pictures) == {"traversals", "samples"}
    assert one.trace == {}
    assert one.spectrum == []
    assert one.latents is None


def test_of_each_layer_the_latents_of_the_highest_kl_are_shown(tmp_path: Path) -> None:
    kl = np.zeros((2, 10 * ROWS), dtype=np.float32)
    kl[-1, 3], kl[-1, -1] = 2.0, 1.0
    LatentHistory(
        step=np.array([5, 10]), beta=np.ones(2), kl=kl, variance=kl, rate=np.ones((2, 2)),
        active=np.array([[0, 0], [1, 1]]), widths=np.array([9 * ROWS, ROWS]), positions=1,
        threshold=0.01,
    ).save(tmp_path)  # fmt: skip
    shown = latents(tmp_path)
    assert shown is not None
    assert len(shown.names) == len(shown.kl) == ROWS
    assert shown.names[0] == "z4 of layer 1" and shown.kl[0] == [0.0, 2.0]
    assert shown.names[ROWS // 2] == f"z{ROWS} of layer 2"
    assert shown.active == {
        f"layer 1, of {9 * ROWS}": [0, 1], f"layer 2, of {ROWS}": [0, 1],
    }  # fmt: skip
    assert len(shown.said) == 3
    RunFolder(tmp_path).latent_history.write_bytes(b"PK")
    assert latents(tmp_path) is None


def test_pictures_are_no_wider_than_asked(table: pd.DataFrame, tmp_path: Path) -> None:
    from base64 import b64decode
    from io import BytesIO

    path = RunFolder(tmp_path / "trial-2").pictures / "samples.png"
    for left, size in ((False, (100, 12)), (True, (100, 25))):
        data = embedded(path, 100, left).partition(",")[2]
        assert Image.open(BytesIO(b64decode(data))).size == size


def test_both_ends_are_kept() -> None:
    rows = thinned(pd.DataFrame({"x": range(100)}), 4)
    assert [r["x"] for r in rows] == [0, 33, 66, 99]


def test_damaged_files_of_any_kind_end_no_report(table: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "trial-0"
    for content in (b"", b"PK\x03\x04 cut off", b"no archive"):
        (folder / "trace.npz").write_bytes(content)
        assert along(table, tmp_path, 10**9)[0].trace == {}
    for text in ("", "{}", '{"spectrum": null}', "[1]"):
        (folder / "result.json").write_text(text)
        assert along(table, tmp_path, 10**9)[0].spectrum == []


def test_no_room_is_no_picture(table: pd.DataFrame, tmp_path: Path) -> None:
    assert thumbnails(table, LEAST, tmp_path, -100_000) == {}
