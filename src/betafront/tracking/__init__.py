"""MLflow: a record of studies, and the server to look at it with."""

from betafront.tracking.links import Reader
from betafront.tracking.mlflow_tracker import MLflowTracker
from betafront.tracking.server import serve
from betafront.tracking.sync import sync

MLflowView = MLflowTracker  # its former name, which configurations of users may have

__all__ = ["MLflowTracker", "MLflowView", "Reader", "serve", "sync"]
