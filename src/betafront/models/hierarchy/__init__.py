"""Hierarchies of latents: the ladder, and its plain baseline."""

from betafront.models.hierarchy.architectures import hierarchical, ladder
from betafront.models.hierarchy.bottom_up import BottomUp
from betafront.models.hierarchy.hierarchy import Hierarchy
from betafront.models.hierarchy.top_down import Ladder

__all__ = ["BottomUp", "Hierarchy", "Ladder", "hierarchical", "ladder"]
