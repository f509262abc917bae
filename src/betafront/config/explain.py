"""Saying plainly what was wrong with a configuration that did not compose."""

import re
from collections.abc import Iterator
from typing import Any

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from betafront.errors import near_miss, one_line

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException)


def explain(error: BaseException, keys: list[str]) -> str:
    """What was wrong with a configuration, in one line with a way out.

    Args:
        error: of Hydra or OmegaConf.
        keys: that are known: groups, and dotted keys.
    """
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        return f"there is no {group}={name}: {near_miss(name, error.options)}"
    text = one_line(error)
    if isinstance(error, OverrideParseException):
        return f"cannot read '{error.override}': {_without_links(text)}"
    if absent := re.search(r"Could not load '([^']+)/([^'/]+)'\. ", text):
        return f"there is no {absent[1]}={absent[2]}: its choices are the files of conf/{absent[1]}"
    unknown = re.match(r"Could not override '([^']+)'", text)
    key, _, place = unknown[1].partition("@") if unknown else ("", "", "")
    if unknown and place:
        return f"there is no {key} at {place}: choose a {place.split('.')[0]} that has one first"
    if unknown and key not in keys:
        return f"there is no key '{key}': {near_miss_of_key(key, keys)}"
    cause = f" ({one_line(error.__cause__)})" if error.__cause__ else ""
    return _without_links(text + cause)[:400]


def _without_links(text: str) -> str:
    return re.sub(r"\s*Set the env.*|\s*See https?:\S+.*", "", text)


def near_miss_of_key(key: str, keys: list[str]) -> str:
    """The nearest known key; failing that, what there is beside it."""
    guess = near_miss(key, keys)
    if guess.startswith("did"):
        return guess
    parent = key.rpartition(".")[0]
    beside = [k for k in keys if k.rpartition(".")[0] == parent]
    return near_miss(key, beside or [k for k in keys if "." not in k])


def known_keys(config: DictConfig) -> Iterator[str]:
    """Every group and dotted key of a composed configuration, without Hydra's own."""
    yield from (g for g in config.hydra.runtime.choices if not g.startswith("hydra"))
    plain: Any = OmegaConf.to_container(config, resolve=False)
    del plain["hydra"]
    yield from _dotted(plain, "")


def _dotted(node: dict[Any, Any], prefix: str) -> Iterator[str]:
    for key, value in node.items():
        if str(key).startswith("_"):  # _target_ and its like are not for the command line
            continue
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{key}.")
