"""The processes of a run on several devices: this one is the first, and starts the others."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import cloudpickle
import torch
import torch.distributed
import torch.multiprocessing
from lightning_fabric.plugins.environments.lightning import find_free_network_port

from betafront.data.seeded import seeded
from betafront.errors import UserError
from betafront.own_modules import cause
from betafront.training.generators import every_gpu
from betafront.training.lightning.loggers import SILENT
from betafront.training.lightning.trained import trained
from betafront.training.lightning.trainer import quiet
from betafront.training.run import Run

GRACE_SECONDS = 10.0  # for the other processes to end by themselves, once the first has trained


@contextmanager
def other_processes(run: Run, folder: Path) -> Iterator[None]:
    """A context in which the other processes of a run train with this one. They validate and write
    nothing. Where this one ends early, they are ended.

    Args:
        run: its parts, which the processes are sent.
        folder: with its checkpoint, if it was stopped.

    Raises:
        UserError: a part of the run cannot be sent to another process.
    """
    if run.trainer.devices == 1:
        yield
        return
    port, before = find_free_network_port(), dict(os.environ)
    context = torch.multiprocessing.get_context("spawn")
    sent = _pickled(for_others(run))
    parts = range(1, run.trainer.devices)
    others = [context.Process(target=_train, args=(sent, folder, n, port)) for n in parts]
    patience = 0.0
    try:
        for other in others:
            other.start()
        os.environ |= _place(0, port)
        yield
        patience = GRACE_SECONDS
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ |= before  # never without them: other threads of a worker read it too
        for other in others:
            _end(other, patience)


def for_others(run: Run) -> Run:
    """A run as another process is sent it. Its loggers are told nothing; they are there for
    callbacks that refuse to work without any."""
    return replace(run, loggers=dict.fromkeys(run.loggers, SILENT))


def _pickled(run: Run) -> bytes:
    try:
        sent: bytes = cloudpickle.dumps(run)  # which also knows functions without a name
    except Exception as error:  # of a part of the user's, such as an open file
        raise UserError(
            f"trainer.devices={run.trainer.devices}: a part of the run (its data, its callbacks) "
            f"cannot be sent to another process: {cause(error)}"
        ) from error
    return sent


def _end(process: BaseProcess, patience: float) -> None:
    if process.pid is None:  # it was never started
        return
    process.join(patience)
    if process.is_alive():
        process.kill()
        process.join()


def _place(part: int, port: int) -> dict[str, str]:
    """What Lightning reads of a process in the environment."""
    return {
        "LOCAL_RANK": str(part),
        "NODE_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _train(sent: bytes, folder: Path, part: int, port: int) -> None:
    """What another process does."""
    run: Run = cloudpickle.loads(sent)
    # Ctrl-C, and what Slurm sends to every process of a job, are for the first: it ends the others.
    for sent_to_all in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sent_to_all, signal.SIG_IGN)
    os.environ |= _place(part, port)
    torch.set_num_threads(run.trainer.threads)
    with quiet(), seeded(run.seed, every_gpu()):
        trained(run, folder, halt=lambda: False, part=part)  # and so Lightning ignores them, too
