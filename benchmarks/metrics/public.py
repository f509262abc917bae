"""Public implementations of the disentanglement metrics, called on arrays, for `structure.py`.

They are imported from the folder they were installed to, without their own dependencies:
disentanglement_lib's settings come from gin, here `SETTINGS`, and it logs through absl; disent
takes Lightning by another name. Their metrics themselves run as they are published.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NEEDED = ("disentanglement_lib", "disent", "latte")
# Of disentanglement_lib's own study (config/unsupervised_study_v1/metric_configs).
SETTINGS: dict[str, dict[str, Any]] = {
    "discretizer": {
        "num_bins": 20,
        "discretizer_fn": lambda target, bins: lib("utils")._histogram_discretize(target, bins),
    },
    "prune_dims": {"threshold": 0.05},
}


def missing(folder: Path) -> list[str]:
    """Which of the packages are not in the folder."""
    return [name for name in NEEDED if not (folder / name).is_dir()]


def make_known(folder: Path) -> None:
    """Make the packages of the folder importable, with substitutes for what they import."""
    import pytorch_lightning

    gin, absl = ModuleType("gin"), ModuleType("absl")
    gin.tf = gin  # type: ignore[attr-defined]
    gin.REQUIRED = None  # type: ignore[attr-defined]
    gin.configurable = _configurable  # type: ignore[attr-defined]
    absl.logging = logging  # type: ignore[attr-defined]
    sys.modules |= {"gin": gin, "gin.tf": gin, "absl": absl, "lightning": pytorch_lightning}
    sys.path.append(str(folder))


def _configurable(name: str, **_: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator as gin's: arguments that are left out come from `SETTINGS`."""

    def bound(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def called(*args: Any, **given: Any) -> Any:
            return function(*args, **{**SETTINGS.get(name, {}), **given})

        return called

    return bound


@contextmanager
def changed(name: str, **settings: Any) -> Iterator[None]:
    """A context with other `SETTINGS`."""
    before = SETTINGS[name]
    SETTINGS[name] = before | settings
    try:
        yield
    finally:
        SETTINGS[name] = before


def lib(metric: str) -> Any:
    """A module of disentanglement_lib's metrics."""
    return import_module(f"disentanglement_lib.evaluation.metrics.{metric}")


class GroundTruth:
    """The data that disentanglement_lib draws from: the codes themselves stand for the images.

    Args:
        z, v: (n, M) codes and (n, K) factors; drawn in their order.
        sizes: levels of each factor, for fresh draws.
        encode: the code of fresh factors.
    """

    def __init__(self, z: Any, v: Any, sizes: tuple[int, ...], encode: Callable[..., Any]) -> None:
        self.z, self.v, self.sizes, self.encode = z, v, sizes, encode
        self.num_factors = len(sizes)

    def sample(self, number: int, random_state: Any) -> tuple[Any, Any]:
        return self.v[:number], self.z[:number]

    def sample_observations(self, number: int, random_state: Any) -> Any:
        return self.z[:number]

    def sample_factors(self, number: int, random_state: Any = np.random) -> Any:
        return random_state.randint(0, self.sizes, (number, len(self.sizes)))

    def sample_observations_from_factors(self, factors: Any, random_state: Any) -> Any:
        return self.encode(factors, random_state)

    def for_disent(self) -> Any:
        """The same, in the interface of disent."""
        return SimpleNamespace(
            gt_data=self,
            dataset_sample_batch=lambda number, mode: self.z[:number],
            dataset_batch_from_factors=lambda factors, mode: self.encode(factors, np.random),
        )


def unchanged(z: Any) -> Any:
    """The representation of a code is the code."""
    return z


class ClassMeans:
    """A classifier of one latent: the nearest class mean."""

    def fit(self, x: Any, y: Any) -> None:
        self.values = np.unique(y)
        self.means = np.array([x[y == value].mean() for value in self.values])

    def predict(self, x: Any) -> Any:
        return self.values[np.abs(x - self.means).argmin(axis=1)]


class OneVersusRest(OneVsRestClassifier):
    """A balanced logistic regression for each class; scored by the regressions' own lines, not by
    probabilities that are made to add up to 1."""

    def __init__(self) -> None:
        super().__init__(LogisticRegression(class_weight="balanced"))

    def predict_proba(self, x: Any) -> Any:
        return self.decision_function(x)


def standardised() -> Any:
    """A logistic regression on standardised points."""
    return make_pipeline(StandardScaler(), LogisticRegression())


@contextmanager
def replaced(metric: str, library: str, **classes: Callable[..., Any]) -> Iterator[Any]:
    """A module of disentanglement_lib that finds these classes in place of scikit-learn's, whatever
    their arguments, while the block runs."""
    module = lib(metric)
    before = getattr(module, library)
    given = {name: lambda made=made, **_: made() for name, made in classes.items()}
    setattr(module, library, SimpleNamespace(**given))
    try:
        yield module
    finally:
        setattr(module, library, before)


def voted(truth: GroundTruth, examples: int, votes: int, seed: int) -> tuple[float, float]:
    """The FactorVAE score of disentanglement_lib, and of disent."""
    from disent.metrics import metric_factor_vae

    numbers = {"batch_size": examples, "num_train": votes, "num_eval": votes}
    numbers["num_variance_estimate"] = len(truth.z)
    compute = partial(lib("factor_vae").compute_factor_vae, truth, unchanged)
    theirs = compute(np.random.RandomState(seed), **numbers)
    np.random.seed(seed)
    port = metric_factor_vae(truth.for_disent(), unchanged, **numbers)
    return theirs["eval_accuracy"], port["factor_vae.eval_accuracy"]
