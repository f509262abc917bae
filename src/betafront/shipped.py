"""Where the configuration groups and studies that come with betafront lie."""

from pathlib import Path


def conf_dir() -> Path:
    """The configuration groups that are shipped with betafront."""
    return _shipped("conf")


def studies_dir() -> Path:
    """The studies that are shipped with betafront."""
    return _shipped("studies")


def _shipped(name: str) -> Path:
    here = Path(__file__).resolve().parent
    inside = here / name  # in an installed wheel; in a checkout it lies beside src/
    return inside if inside.is_dir() else here.parents[1] / name
