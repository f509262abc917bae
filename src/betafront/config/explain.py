"""Saying plainly what was wrong with a configuration that did not compose."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from traceback import walk_tb
from typing import Any

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import GrammarParseError, OmegaConfBaseException

from betafront.config.choices import choices_of, choices_with, group_and_name
from betafront.config.unreadable import ARRAYS, TABLES, reads, typed_text, unreadable
from betafront.errors import near_miss, one_line

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException)
COMPOSER = "hydra._internal.config_loader_impl"
OWN_IMAGES = (
    "your own images are data=folder data.path=FOLDER of pictures, or data=tensor data.path=FILE, "
    "a .npy, .npz or .pt file of them"
)

LINES = (
    (
        r"^(?:Ambiguous value for argument|Sweep parameters) '(.*?)'(?: |$)",
        "{0} is a search, and one run has one value: `betafront sweep` takes it; a list is written "
        "KEY=[A,B], a text with a comma 'KEY=\"A,B\"'",
    ),
    (
        r"Could not load '([^']+)/([^'/]+)'\. ",
        "there is no {0}={1}: its choices are the files of conf/{0}",
    ),
    (
        r"config group '([^']+)' does not exist",
        "there is no group '{0}': an @ says where a choice of a group goes",
    ),
    (
        r"Interpolation key '([^']+)' not found\s+full_key: (\S+)",
        "{1} refers to ${{{0}}}, and there is no {0}",
    ),
    (
        r"An item is already at '([^']+)'",
        "{0} is there already: leave out the + in front of it",
    ),
)
"""What Hydra's messages are, and what is said in their place."""


def is_of_composition(error: BaseException) -> bool:
    """Whether an error was raised while a configuration was composed. Hydra and the reader of YAML
    raise errors of many kinds then, as ValueError for `model=null`."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    of_hydra = modules[-1:] != [] and modules[-1].startswith("hydra.")  # as of options that clash
    return isinstance(error, COMPOSITION_ERRORS) or of_hydra or COMPOSER in modules


def explain(
    error: BaseException, keys_of: Callable[[], list[str]], words: Iterable[str] = ()
) -> str:
    """What was wrong with a configuration, in one line with a way out.

    Args:
        error: of Hydra, OmegaConf or the reader of YAML.
        keys_of: gives those that are known: groups, and dotted keys. It composes, and is called
            only where it decides.
        words: the overrides of which the configuration was to be composed.
    """
    text = one_line(error)
    if said := _not_read(error):
        return said
    if isinstance(error, MissingConfigException) and error.options is not None:
        return _no_choice(*group_and_name(str(error.missing_cfg_file)), error.options)
    if "Config group override must be a string or a list" in text and (of := _of_group(words)):
        group, value = of
        return f"{group}={value} is no choice of {group}: {way_out(group)}"
    for pattern, line in LINES:
        if found := re.search(pattern, text):
            return line.format(*found.groups())
    return _about_key(error, text, keys_of)


def _not_read(error: BaseException) -> str:
    """What cannot be read: an override, a reference within a setting, a file; empty for others."""
    if isinstance(error, OverrideParseException):
        return unreadable(error.override, error)
    if isinstance(error, GrammarParseError) or isinstance(error.__cause__, GrammarParseError):
        return (
            "a setting has ${ in it, which refers to another one, as ${data.name} does, and is "
            "not closed: close it, or write \\${ for the characters themselves"
        )
    if mark := getattr(error, "problem_mark", None):  # of the reader of YAML
        return f"{mark.name}, line {mark.line + 1} is no YAML: {getattr(error, 'problem', error)}"
    return ""


def _no_choice(group: str, name: str, options: Iterable[str]) -> str:
    """A choice that there is not. What is named in place of a data set is often a file, or a folder
    of pictures."""
    path = Path(name).expanduser()
    near = near_miss("" if "/" in name and path.is_dir() else name, options)
    guessed = near.startswith("did")
    named = name.endswith((*ARRAYS, *TABLES))
    if group == "data" and (named or (path.is_file() and not guessed)):
        there = typed_text("data.path", name)
        return f"data={name} is no set but a file: write {reads(name)} {there}"
    if group == "data" and not guessed:
        if name and path.is_dir():
            written = typed_text("data.path", name)
            return f"data={name} is no set but a folder: write data=folder {written} data.size=32"
        return f"there is no data={name}: {near}; {OWN_IMAGES}"
    return f"there is no {group}={name}: {near}"


def way_out(group: str) -> str:
    """What to write where a group, or another part of a configuration, has no value."""
    known = "" if "/" in group else ", ".join(choices_of(group))  # Hydra's have some of plugins
    return f"choose one of {known}, or leave it out" if known else "leave it out"


def _of_group(words: Iterable[str]) -> tuple[str, str] | None:
    """The first word that gives a group another value than a choice."""
    for word in words:
        key, _, value = word.lstrip("+").partition("=")
        named = re.fullmatch(r"[A-Za-z_][\w-]*|\[.*\]", value) and value.lower() != "null"
        if value and not named and choices_of(key.partition("@")[0]):
            return key, value
    return None


def _about_key(error: BaseException, text: str, keys_of: Callable[[], list[str]]) -> str:
    """What was wrong with a key, or with what else Hydra and OmegaConf refuse."""
    unknown = re.match(r"Could not override '([^']+)'", text)
    keys = keys_of() if unknown else []
    key, _, place = unknown[1].partition("@") if unknown else ("", "", "")
    if key in keys and (inner := re.search(r"full_key: (\S+)", str(error.__cause__))):
        key = inner[1]  # as data.a of data={a: 1}
    if unknown and place:
        return f"there is no {key} at {place}: choose a {place.split('.')[0]} that has one first"
    parent = key.rpartition(".")[0]
    chosen = "." in parent and parent in keys  # as penalty.mmd, which has not this setting
    if unknown and key not in keys and not chosen and (having := choices_with(key)):
        return f"there is no key '{key}' here: it is a setting of {' and '.join(having)}"
    if unknown and key not in keys:
        return f"there is no key '{key}': {near_miss_of_key(key, keys)}"
    cause = f" ({one_line(error.__cause__)})" if error.__cause__ else ""
    return _without_links(text + cause)[:400]


def _without_links(text: str) -> str:
    places = r"\s*(?:full_key: |object_type=|reference_type=)\S+"  # of what the line names already
    return re.sub(rf"\s*Set the env.*|\s*See https?:\S+.*|{places}", "", text)


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
