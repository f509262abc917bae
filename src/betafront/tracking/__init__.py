"""MLflow: a view of studies, and the server to look at it with."""

from betafront.tracking.reader import Reader
from betafront.tracking.server import serve
from betafront.tracking.view import MLflowView, sync

__all__ = ["MLflowView", "Reader", "serve", "sync"]
