"""The nodes of a configuration that decide, with `seed`, what a run computes; and what the shipped
choices for them name."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from betafront.shipped import conf_dir

PARTS = (
    "data",
    "model",
    "likelihood",
    "normalisation",
    "schedule",
    "shaping",
    "controller",
    "penalty",
    "optimizer",
    "trainer",
    "metrics",
    "objective",
)

TARGET = re.compile(r"_target_['\"]?\s*[=:]\s*['\"]?([^\W\d][\w.]*)")  # in YAML, or an override


@lru_cache
def parts() -> frozenset[str]:
    """The targets that the shipped choices name for the parts of a run."""
    return targets_in(conf_dir() / part for part in PARTS)


@lru_cache
def records() -> frozenset[str]:
    """The targets that the shipped choices name for the record of a study."""
    return targets_in([conf_dir() / "tracking"])


def targets_in(folders: Iterable[Path]) -> frozenset[str]:
    """The targets that the configuration files of some folders name."""
    files = [path for folder in folders for path in folder.rglob("*.yaml") if path.is_file()]
    texts = (path.read_bytes().decode(errors="replace") for path in files)
    return frozenset(name for text in texts for name in TARGET.findall(text))
