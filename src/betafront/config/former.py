"""Settings that earlier versions did not have, or had with another default.

What such a version has begun goes on as it was begun: a stored study or a saved configuration that
lacks a setting is meant with the value by which a run does as it did then, whatever the default is
today.
"""

from collections.abc import Mapping
from typing import Any

FORMER: Mapping[str, Any] = {
    "data.augment": None,
    "trainer.keep": "last",
    "trainer.patience": None,
    "trainer.epochs": None,
    "trainer.accumulate": 1,
    "trainer.clip_norm": None,
    "trainer.clip_value": None,
    "trainer.ema": None,
    "trainer.aggressive": None,
    "trainer.devices": 1,
    "trainer.strategy": "auto",
    "trainer.start_from": None,
    "likelihood.lr_factor": 1.0,
    "likelihood.calibrate": False,
    "likelihood.sigma": 1.0,  # of a Gaussian per image
    "data.kind": None,  # of data=tensor
    "data.channels": None,
    "metrics.enough": None,
    "metrics.further.mig.estimator": "bins",
    "metrics.further.modularity.estimator": "bins",
    "metrics.further.dci.standard_errors": 0,
    "objective.draws": 1,
}
"""Settings that were not there, with what a run did without them."""

ALWAYS = "objective"
"""The part of these that is no group of choices, and so is there where nothing of it was stored:
its other settings are searched."""

TODAY: Mapping[str, Any] = {
    "trainer.keep": "best",
    "likelihood.lr_factor": 10,
    "likelihood.sigma": None,
    "metrics.enough": 20000,
    "metrics.further.mig.estimator": "neighbours",
    "metrics.further.modularity.estimator": "neighbours",
    "metrics.further.dci.standard_errors": 3,
}
"""Those of them whose default of today is another."""

MOVED: Mapping[str, tuple[Any, Any]] = {
    "likelihood.sigma": (1.0, None),
    "likelihood.scale": (1.0, None),
}
"""Settings whose default has changed: what it was, and what it is."""

OF_CHOICES: Mapping[str, tuple[Any, Any]] = {**MOVED, "likelihood.lr_factor": (1.0, 10)}
"""Settings of a choice of a group, where the group is searched, so that nothing of it was stored:
with what a run did then, and the default of today."""

WITH_CHOICES = ("trainer.keep", "trainer.patience", "likelihood.calibrate")
"""Settings that came when the defaults of `OF_CHOICES` changed: what lacks them is from before."""


def lacking(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, as dotted keys, that were not there yet when `settings` were stored. Where
    nothing of a part is among `settings`, as where it is searched, it lacks nothing."""
    parts = {ALWAYS, *(key.rpartition(".")[0] for key in settings)}
    return {k: v for k, v in FORMER.items() if k not in settings and k.rpartition(".")[0] in parts}


def newer(settings: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The settings that were not there yet when `settings` were stored, and that nobody has set
    since: they are as a run did without them, or as their default of today."""
    return [
        key for key, then in lacking(settings).items()
        if key in now and now[key] in (then, TODAY.get(key, then))
    ]  # fmt: skip


def moved(settings: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were stored with what was their default then, and are now what is their
    default today: they are meant as they were stored."""
    return {
        key: then
        for key, (then, today) in MOVED.items()
        if settings.get(key) == then and key in now and now[key] == today
    }


def of_choices(settings: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Those of `OF_CHOICES` whose part is not among `settings`, since it is searched; none where
    the settings were stored after these defaults had changed."""
    if not set(WITH_CHOICES) & set(lacking(settings)):
        return {}
    parts = {key.rpartition(".")[0] for key in settings}
    return {k: v for k, v in OF_CHOICES.items() if k.rpartition(".")[0] not in parts}
