"""betafront: how to weight the KL term of a VAE, answered with evidence."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from betafront.trained import Trained

__all__ = ["load"]


def load(path: str | Path, trust: str | Iterable[str] = ()) -> "Trained":
    """A model that `betafront export` wrote, to encode, decode, sample and reconstruct; see
    `betafront.trained.Trained`. A folder, or an address in MLflow's registry; of code that is not
    betafront's it is made only where `trust` names its modules, as in `trust="mypackage"`."""
    from betafront.trained import load as load_folder  # with torch

    return load_folder(path, trust)
