"""Where the cache is, and that it can be done without."""

import os
import pwd
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from betafront.data import cache


def no_account(uid: int) -> pwd.struct_passwd:
    raise KeyError(uid)


def test_the_users_cache_is_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.home() == tmp_path / "betafront"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.home() == tmp_path / ".cache/betafront"


def test_without_a_home_things_are_kept_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", no_account)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cache.home().parent == tmp_path
    assert cache.cached("one.npz", lambda: np.arange(3)).tolist() == [0, 1, 2]
    assert cache.cached("one.npz", lambda: np.arange(9)).tolist() == [0, 1, 2]


def test_what_nothing_has_used_for_a_month_is_removed_when_another_file_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("unused.npz", "read.npz", "young.npz", "folders/left.images.123.part"):
        (cache.home() / name).parent.mkdir(parents=True, exist_ok=True)
        cache.cached(name, lambda: np.arange(3))
    then = time.time() - cache.UNUSED - 1
    for name in ("unused.npz", "read.npz", "folders/left.images.123.part"):
        os.utime(cache.home() / name, (time.time(), then))
    assert cache.cached("read.npz", lambda: np.arange(9)).tolist() == [0, 1, 2]
    cache.cached("another.npz", lambda: np.arange(3))
    kept = {path.name for path in cache.home().rglob("*") if path.is_file()}
    assert kept == {"read.npz", "young.npz", "another.npz"}
