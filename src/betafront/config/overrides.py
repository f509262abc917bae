"""Overrides of Hydra's command line, parsed."""

from collections.abc import Iterable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from betafront.config.unreadable import typed, unreadable
from betafront.errors import UserError

OPTIONS = (
    "--multirun", "-m", "--run", "-r", "--cfg", "-c", "--resolve", "--package", "-p", "--info",
    "-i", "--help", "-h", "--hydra-help", "--version", "--shell-completion", "-sc",
    "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--experimental-rerun",
)  # fmt: skip
"""Hydra's own, beside overrides."""


def refuse_options(words: Iterable[str]) -> None:
    """Refuse an option that Hydra does not have, as settings are in programs with argparse.

    Raises:
        UserError: with the override that may be meant.
    """
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise UserError(f"there is no key before the = of '{word}': write KEY=VALUE")
        if word.startswith("-") and not any(option.startswith(name) for option in OPTIONS):
            meant = f"{name.lstrip('-')}={value if equals else 'VALUE'}"
            raise UserError(
                f"there is no option {name}: a setting is written without dashes, as {typed(meant)}"
            )


def refuse_lists(words: Iterable[str], groups: Iterable[str]) -> None:
    """Refuse several choices of a group that has one: Hydra would merge their settings, and the
    last of them would be trained.

    Args:
        words: overrides.
        groups: that have one choice.

    Raises:
        UserError: naming the group.
    """
    for word in words:
        key, _, value = word.partition("=")
        if bare(key).partition("@")[0] in groups and value.lstrip().startswith("["):
            raise UserError(
                f"{word}: {bare(key)} has one choice, and no list: name one; a sweep tries several,"
                " as in model=mlp,conv"
            )


def bare(key: str) -> str:
    """A key without Hydra's + in front."""
    return key.lstrip("+")


def parse(lines: Iterable[str]) -> list[Override]:
    """Parse override lines.

    Raises:
        UserError: naming the line that cannot be read.
    """
    parser = OverridesParser.create()
    overrides = []
    for line in lines:
        try:
            overrides.append(parser.parse_override(line))
        except HydraException as error:
            raise UserError(unreadable(line, error)) from error
    return overrides
