"""Optuna: search spaces, sweeps, workers and the store of studies."""

from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import NoView, View
from betafront.study.worker.worker import WorkerTask

__all__ = ["NoView", "Space", "Spec", "View", "WorkerTask"]
