"""Images: what they are as data, and how any file or drawing becomes such data."""

from betafront.data.images.images import Images
from betafront.data.images.prepare import prepare

__all__ = ["Images", "prepare"]
