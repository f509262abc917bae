"""Which GPU a worker trains on, where a machine has several and no engine shares them out."""

import logging
import os

from omegaconf import DictConfig

from betafront.errors import UserError

log = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"


def take_gpu(number: int) -> None:
    """Leave this process one of the GPUs that it sees: workers go round them by their numbers.

    Where Slurm or Ray gave the process its own GPU it sees no other, and keeps it. To be called
    before anything is moved to a GPU: later CUDA no longer looks at what is visible.

    Args:
        number: of the worker.
    """
    names = visible()
    if len(names) > 1:
        os.environ[VISIBLE] = names[number % len(names)]
        log.info("worker %d trains on GPU %s of %s", number, os.environ[VISIBLE], ", ".join(names))


def check_gpus(study: DictConfig) -> None:
    """See that there are GPUs where a study has a number of workers for each.

    Raises:
        UserError: there are none.
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
