"""How many nats each latent tells about each factor."""

from betafront.metrics.structure.information.estimators import How
from betafront.metrics.structure.information.score import information

__all__ = ["How", "information"]
