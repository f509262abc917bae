"""Checkpoints of betafront before 2, which had the layout of Lightning's own."""

from typing import Any

from betafront.training.history import renamed


def is_lightnings(checkpoint: dict[str, Any]) -> bool:
    """Whether a checkpoint has Lightning's layout."""
    return "pytorch-lightning_version" in checkpoint


def from_lightning(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint in Lightning's layout as a snapshot of `RunState`.

    The noise of z came from torch's global generator then, and continues from its state.
    """
    states = checkpoint["callbacks"]["Checkpoint"]
    return {
        "step": checkpoint["global_step"],
        "tensors": checkpoint["state_dict"],
        "optimizer": checkpoint["optimizer_states"][0],
        "history": renamed(checkpoint["history"]),
        "generators": {
            "order": states["order"],
            "noise": {kind: states[kind] for kind in ("cpu", "cuda") if kind in states},
        },
        "precision": checkpoint.get("MixedPrecision", {}),
    }
