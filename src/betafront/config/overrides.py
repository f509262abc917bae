"""Overrides of Hydra's command line, parsed."""

from collections.abc import Iterable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from betafront.errors import UserError


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
            reason = str(error).splitlines()[-1]
            if "NoneType is incompatible" in reason:
                reason = "choice(...) takes no null: write the choices with commas alone, as null,x"
            raise UserError(f"cannot read '{line}': {reason}") from error
    return overrides
