"""Pruning that keeps the front: which runs of a study are stopped before their last step."""
