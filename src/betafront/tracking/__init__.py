"""MLflow: a record of studies, and the server to look at it with."""

from betafront.tracking.links import Reader
from betafront.tracking.mlflow_tracker import MLflowTracker
from betafront.tracking.server import serve
from betafront.tracking.sync import sync

__all__ = ["MLflowTracker", "Reader", "serve", "sync"]
