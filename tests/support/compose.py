"""A compose project as `docker compose` understands it: variables put in, files merged."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

# ${NAME}, ${NAME:-default} and ${NAME:?why it is needed}
VARIABLE = re.compile(r"\$\{(\w+)(?::(-|\?)([^}]*))?\}")
REPLACED = ("command", "entrypoint")  # where a later file replaces a list; others are added to


class Missing(Exception):
    """A variable that has to be set is not."""


def project(folder: Path, files: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """The project that `files` make together.

    Raises:
        Missing: `environment` lacks what a file cannot do without.
    """
    found: dict[str, Any] = {}
    for name in files:
        found = _merged(found, _filled(parsed(folder / name), environment))
    return found


def parsed(path: Path) -> dict[str, Any]:
    """A file as it is written, its anchors resolved."""
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def strings(part: Any) -> Iterator[str]:
    """Every value in a part of a file that is a text."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from strings(each)


def _filled(part: Any, environment: Mapping[str, str]) -> Any:
    def value(found: re.Match[str]) -> str:
        name, how, text = found.groups()
        if environment.get(name):
            return environment[name]
        if how == "?":
            raise Missing(f"{name} {text}")
        return text or ""

    if isinstance(part, str):
        return VARIABLE.sub(value, part)
    if isinstance(part, list):
        return [_filled(each, environment) for each in part]
    if isinstance(part, dict):
        return {key: _filled(each, environment) for key, each in part.items()}
    return part


def _merged(old: Any, new: Any, key: str = "") -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        both = old | new
        return both | {k: _merged(old[k], new[k], k) for k in old.keys() & new.keys()}
    if isinstance(old, list) and isinstance(new, list) and key not in REPLACED:
        return [*old, *new]
    return new
