"""Whether a configuration has every part that a run or a sweep reads."""

from collections.abc import Iterable

from omegaconf import DictConfig, OmegaConf

from betafront.config.choices import SEVERAL
from betafront.config.explain import way_out
from betafront.config.parts import PARTS
from betafront.errors import UserError

NEEDED = (*PARTS, "storage", "tracking", "study")
"""The nodes that a sweep reads."""

OF_ONE_CHOICE = tuple(part for part in NEEDED if part not in (*SEVERAL, "objective"))
"""The groups among them that have one choice, and no list of choices."""


def check_parts(config: DictConfig, keys: Iterable[str] = PARTS) -> None:
    """Refuse a configuration that lacks a part, as with `~schedule` or `objective=null`, or whose
    choice of a group of several stands in the place of the group.

    Raises:
        UserError: naming the part, and its choices or the way out.
    """
    for key in keys:
        if not OmegaConf.is_dict(node := config.get(key)):
            value = "null" if node is None else node
            raise UserError(f"{key} has to hold settings, and is {value}: {way_out(key)}")
    for group in SEVERAL:
        node = config.get(group)
        if OmegaConf.is_dict(node) and "_target_" in node:
            raise UserError(
                f"{group}: {node['_target_']} has no name of its own there: the first line of its "
                f"file in conf/{group} is to be `# @package {group}.NAME`"
            )
