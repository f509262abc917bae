"""What a configuration may name as a `_target_`, and making what it names."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import hydra.utils
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from betafront.config.trust import Wall, of_composed
from betafront.errors import UserError
from betafront.own_modules import cause, check_target

MOVED = {
    "betafront.study.view.NoView": "betafront.study.tracker.protocol.NoTracker",
    "betafront.tracking.MLflowView": "betafront.tracking.MLflowTracker",
}
"""Where targets are that an earlier version had elsewhere, for configurations of that time."""


def make(node: DictConfig, wall: Wall | None = None) -> Any:
    """Make what `node` names, with plain values in place of OmegaConf's.

    Hydra 1.4 wants to be told what may be called, and refuses whatever is defined elsewhere than in
    these packages; 1.3 has no such thing.

    Args:
        node: of a configuration.
        wall: what it may name (`betafront.config.trust`); None for that of a configuration which
            was composed for this command.

    Raises:
        UserError: it names what it may not or cannot be had, or what it names refuses its settings.
        hydra.errors.InstantiationException: it cannot be made.
    """
    written = OmegaConf.to_container(node, resolve=True)
    if any(target in MOVED for target in targets_of(written)):
        written = _where_they_are(written)
        node = OmegaConf.create(written)
    named = list(targets_of(written))
    (wall or of_composed()).check(named)
    packages = {f"{target.partition('.')[0]}.*" for target in named}
    allow = getattr(hydra.utils, "execution_whitelist", nullcontext)
    try:
        with allow(sorted(packages)):
            return hydra.utils.instantiate(node, _convert_="all")
    except UserError:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        if refused := _users(error):
            raise refused from refused.__cause__  # not from Hydra's error, whose cause it is
        _check_each(written)
        raise
    except Exception as error:  # a part's own, which 1.3 wraps in the same way
        raise InstantiationException(repr(error)) from error
    except SystemExit as error:  # of a module of the user's that is a script
        _check_each(written)
        raise UserError(f"{cause(error)} (called for {', '.join(targets_of(written))})") from error


def _check_each(written: Any) -> None:
    """Refuse a target that cannot be had, once Hydra has failed: it says so without the cause."""
    for target in targets_of(written):
        check_target(target)


def _users(error: BaseException) -> UserError | None:
    """The user's error that Hydra's was raised from, if any."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, UserError):
        cause = cause.__cause__
    return cause


def _where_they_are(node: Any) -> Any:
    """A configuration with the present names of MOVED targets."""
    if isinstance(node, dict):
        return {
            key: MOVED.get(value, value) if key == "_target_" else _where_they_are(value)
            for key, value in node.items()
        }
    return [_where_they_are(value) for value in node] if isinstance(node, list) else node


def targets_of(node: Any) -> Iterator[str]:
    """The targets that a configuration names, at any depth.

    Args:
        node: of plain values.
    """
    if isinstance(node, dict):
        if node.get("_target_") is not None:
            yield str(node["_target_"])
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from targets_of(value)
