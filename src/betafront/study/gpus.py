"""Which GPUs a worker trains on, where a machine has several and no engine shares them out."""

import logging
import os

from omegaconf import DictConfig

from betafront.errors import UserError

log = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"


def take_gpus(number: int, devices: int = 1) -> None:
    """Leave this process as many of the GPUs that it sees as its runs have devices: workers take
    them in turn.

    A process to which Slurm or Ray has given a GPU sees no other, and keeps it. To be called before
    anything is moved to a GPU: CUDA reads the environment once.

    Args:
        number: of the worker.
        devices: of each run (`trainer.devices`).
    """
    names = visible()
    if len(names) > devices:
        first = number * devices
        own = [names[n % len(names)] for n in range(first, first + devices)]
        os.environ[VISIBLE] = ",".join(own)
        log.info("worker %d trains on GPU %s of %s", number, ", ".join(own), ", ".join(names))


def devices_of(config: DictConfig) -> int:
    """The devices of each run (`trainer.devices`); 1 where a configuration does not say."""
    devices = config.trainer.get("devices")
    return devices if isinstance(devices, int) and devices > 0 else 1


def check_gpus(study: DictConfig) -> None:
    """Check that there is a GPU where a study has a number of workers per GPU.

    Raises:
        UserError: there is none.
    """
    if study.workers_per_gpu is not None and not visible():
        raise UserError(
            "study.workers_per_gpu: torch sees no GPU here; study.workers_per_gpu=null and "
            "study.workers=… say how many workers there are without"
        )


def visible() -> list[str]:
    """The GPUs that this process may use, by index or identifier."""
    import torch

    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    return named[:count] or [str(index) for index in range(count)]
