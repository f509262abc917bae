"""Optuna: search spaces, sweeps, workers and the storage of studies."""
