"""Which GPU a worker trains on, where a machine has several and no engine shares them out."""

import logging
import os

from omegaconf import DictConfig

from betafront.errors import UserError

log = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"


def take_gpu(number: int) -> None:
    """Leave this process one of the GPUs that it sees: workers take them in turn.

    A process to which Slurm or Ray has given a GPU sees no other, and keeps it. To be called before
    anything is moved to a GPU: CUDA reads the environment once.

    Args:
        number: of the worker.
    """
    names = visible()
    if len(names) > 1:
        os.environ[VISIBLE] = names[number % len(names)]
        log.info("worker %d trains on GPU %s of %s", number, os.environ[VISIBLE], ", ".join(names))


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
