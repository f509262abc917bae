"""A family of VAEs, conditioned on β and trained once."""

from betafront.models.multirate.architecture import multirate
from betafront.models.multirate.multirate import MultiRate

__all__ = ["MultiRate", "multirate"]
