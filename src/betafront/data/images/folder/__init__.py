"""Folders of picture files: what lies in them, and how they become one file of images."""

from betafront.data.images.folder.labels import labels_of
from betafront.data.images.folder.listing import Listing, pictures_below
from betafront.data.images.folder.preparing import Prepared, prepared

__all__ = ["Listing", "Prepared", "labels_of", "pictures_below", "prepared"]
