"""Optuna: search spaces, sweeps, workers and the storage of studies.

The package itself can be called: `betafront.study("grey")` opens a study
(`betafront.api.study.study`).
"""

from betafront.callable_package import make_callable

make_callable(__name__, "betafront.api.study.study")
