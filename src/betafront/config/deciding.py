"""What of a configuration decides a run, whichever version of betafront wrote it."""

from collections.abc import Mapping
from typing import Any

from betafront.config.parts import PARTS

SCALED = ("betafront.objective.Gaussian", "betafront.objective.Laplace")

FORMERLY: Mapping[str, Mapping[str, Any]] = {
    **{target: {"lr_factor": 1.0, "calibrate": False} for target in SCALED},
    "betafront.objective.GaussianPerImage": {"sigma": 1.0},
    "betafront.training.Trainer": {"keep": "last", "patience": None},
}
"""Of a target, the keys that earlier versions did not have, with what they did then."""


def deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as this version would write them, without those that decide nothing: two runs with
    equal ones are the same run.

    Args:
        settings: as dotted keys, of any version; keys that are searched may be missing.
    """
    found = dict(settings)
    for part in PARTS:
        for key, value in FORMERLY.get(str(found.get(f"{part}._target_")), {}).items():
            found.setdefault(f"{part}.{key}", value)
    mode = found.get("likelihood.mode")
    if found.get("likelihood._target_") in SCALED and mode in ("fixed", "optimal"):
        found.pop("likelihood.lr_factor", None)  # nothing is learned by gradient
        for key in ("likelihood.sigma", "likelihood.scale"):
            if mode == "optimal":  # the first batch sets it
                found.pop(key, None)
            elif key in found and found[key] is None:
                found[key] = 1.0
    return found


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted keys."""
    if not isinstance(node, dict) or not node:
        return {prefix: node}
    return {
        dotted: value
        for key, below in node.items()
        for dotted, value in flat(below, f"{prefix}.{key}" if prefix else str(key)).items()
    }
