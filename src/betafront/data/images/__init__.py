"""Images: what they are as data, and how any file or drawing becomes such data."""

from betafront.data.images.images import Images
from betafront.data.images.prepare import prepare
from betafront.data.images.streamed_images import StreamedImages

__all__ = ["Images", "StreamedImages", "prepare"]
