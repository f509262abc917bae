"""The random numbers of a run: each run draws from generators of its own."""

from typing import Any

import torch

from betafront.training.recipe.share import Share, noise_for

ALONE = Share()
OTHER_STREAM = 0x64726F70  # keeps modules that draw from the global generator apart from the noise


class Generators:
    """Where the random numbers of a run's training come from, once its initial weights are drawn.

    The initial weights come from torch's global generator, seeded with the run's seed. On the CPU
    the noise of z continues that sequence; the global generator is then seeded anew, for modules
    that know no other: dropout, and the decoder of sentences that drops words.

    Args:
        seed: of the run.
        device: where the run is trained.
        share: of its batches that this process has.

    Attributes:
        noise: of z, on the device of the run.
        order: of the examples, and the noise of dequantisation; on the CPU.
    """

    def __init__(self, seed: int, device: torch.device, share: Share = ALONE) -> None:
        self.noise = noise_for(device, share)
        if device.type == "cpu":
            self.noise.set_state(torch.get_rng_state())
        else:
            self.noise.manual_seed(seed)
        self.order = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed ^ OTHER_STREAM)

    def snapshot(self) -> dict[str, Any]:
        """The state of every generator."""
        return {
            "noise": {self.noise.device.type: self.noise.get_state()},
            "order": self.order.get_state(),
            "global": global_state(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from a snapshot. What it has no state of stays as it is: the noise where the
        snapshot is of another kind of device, the global generators in snapshots of betafront
        before 2."""
        kind = self.noise.device.type
        if kind in snapshot["noise"]:
            self.noise.set_state(snapshot["noise"][kind])
        self.order.set_state(snapshot["order"])
        if "global" in snapshot:
            restore_global(snapshot["global"])


def global_state() -> dict[str, torch.Tensor]:
    """The state of torch's global generators, on the CPU and on the current GPU."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_global(states: dict[str, torch.Tensor]) -> None:
    """Set torch's global generators to what `global_state` returned."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def every_gpu() -> list[torch.device]:
    """The GPUs of this machine that the process may use."""
    return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
