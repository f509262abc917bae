"""Disks that are full or cannot be written: real ones."""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def mount(*words: str) -> bool:
    """Whether `mount` did it, which it does for root alone."""
    try:
        return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of this size at `folder`, which is made; skips the test where none can be mounted."""
    folder.mkdir(parents=True)
    if not mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)):
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Nothing in `folder` can be written: for root, who may write in spite of permissions, it is a
    disk that is mounted read-only; skips where neither can be had."""
    if os.geteuid() != 0:
        with _without_permission(folder):
            yield folder
        return
    if not mount("--bind", str(folder), str(folder)):
        pytest.skip("root writes everywhere, and nothing can be mounted here")
    try:
        assert mount("-o", "remount,bind,ro", str(folder))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _without_permission(folder: Path) -> Iterator[None]:
    before = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in before.items():
        path.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)
