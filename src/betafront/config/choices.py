"""The choices of config groups, as files: the user's own in `conf/` and `studies/`, and the shipped
ones."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from betafront.shipped import conf_dir, studies_dir

STUDY = "study"  # the group whose choices are folders
SEVERAL = ("penalty", "callbacks", "loggers")
"""The groups that have any number of choices, each with its settings by its name."""


def choices_of(group: str) -> dict[str, Path]:
    """The choices of a group, each with its file; of one name the user's own. Empty where there is
    no such group."""
    if group == STUDY:
        found = [f for top in (studies_dir(), Path("studies")) for f in top.glob("*/study.yaml")]
        files = {file.parent.name: file for file in found}
        return dict(sorted(files.items()))
    found = [f for top in _tops() for f in (top / group).glob("*.yaml") if group]
    files = {file.stem: file for file in found}
    return dict(sorted(files.items()))


def group_and_name(path: str) -> tuple[str, str]:
    """The group and the choice in `group/choice`, either of which may have a / itself.

    >>> group_and_name("data/my/images.npy")
    ('data', 'my/images.npy')
    """
    parts = path.split("/")
    for n in range(len(parts) - 1, 0, -1):
        group = "/".join(parts[:n])
        if not all(part.isidentifier() for part in parts[:n]):
            continue
        if group == STUDY or any((top / group).is_dir() for top in _tops()):
            return group, "/".join(parts[n:])
    return path.rpartition("/")[0], parts[-1]


def choices_with(key: str) -> list[str]:
    """The choices that have a setting, as GROUP=CHOICE: `data=tensor` of `data.path`."""
    group, *path = key.split(".")
    if group in SEVERAL:
        return [f"{group}=[{name}]" for name in path[:1] if name in choices_of(group)]
    return sorted(
        f"{group}={name}" for name, file in choices_of(group).items() if path and _has(file, path)
    )


def _has(file: Path, path: list[str]) -> bool:
    try:
        node: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except Exception:  # a file of the user's that cannot be read has no settings
        return False
    for name in path:
        if not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return True


def _tops() -> tuple[Path, Path]:
    """The folders of groups; what is in the later ones goes before."""
    return conf_dir(), Path("conf").absolute()
