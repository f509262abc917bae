"""Running workers through whichever Hydra launcher is configured."""

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, read_write

from betafront.config.compose import loader_of_jobs
from betafront.errors import UserError, machine_fault, one_line, os_error
from betafront.study.engines.fork_server import current, fork_server
from betafront.study.signals import FINISH
from betafront.study.worker.worker import WorkerTask
from betafront.terminal import console

THREADS = "OMP_NUM_THREADS"
PROCESSES = "processes"
OF_ONE_MACHINE = ("basic", "joblib", PROCESSES)


@contextmanager
def soon_launching(config: DictConfig) -> Iterator[None]:
    """A context in which `launch` may fork its workers from this process as it is now, where the
    launcher does that: to be entered once everything is imported, and before a storage is opened.

    Args:
        config: composed for a multirun.
    """
    if choice(config) != PROCESSES:
        yield
        return
    with fork_server():
        yield


def launch(
    context: HydraContext,
    work: WorkerTask,
    config: DictConfig,
    numbers: range,
    leave: bool = False,
) -> None:
    """Run the workers through the configured Hydra launcher.

    What the launcher returns or raises is shown, and decides nothing: joblib raises where one
    worker was killed, submitit where one job was lost. What was done, the storage knows.

    Args:
        context: Hydra's.
        work: what each worker runs.
        config: composed for a multirun.
        numbers: of the workers.
        leave: whether to leave them running; only for a launcher of which `can_leave` is true.

    Raises:
        UserError: the launcher cannot run any worker.
    """
    config = copy.deepcopy(config)
    if config.hydra.launcher.get("n_jobs") == -1:  # joblib's default is a job per core
        with read_write(config.hydra):
            config.hydra.launcher.n_jobs = len(numbers)
            # Hydra 1.4 refuses a job whose launcher differs from the sweep's.
            config.hydra.overrides.hydra.append(f"hydra.launcher.n_jobs={len(numbers)}")
    of_jobs = replace(context, config_loader=loader_of_jobs(context.config_loader))
    launcher = launcher_of(of_jobs, work, config)
    if leave:
        launcher.leave()  # type: ignore[attr-defined]
    # One thread per process: workers share the cores, and results must not depend on how many.
    os.environ.setdefault(THREADS, "1")
    try:
        jobs = launcher.launch(
            [list(work.composer.fixed)] * len(numbers), initial_job_idx=numbers[0]
        )
        early = dict.fromkeys(job.return_value for job in jobs if job.return_value)
        if choice(config) == "joblib" or (choice(config) == PROCESSES and current() is None):
            _end_idle_processes()
    except UserError:
        raise
    except Exception as error:
        if FINISH.is_set():  # the signal may have ended a worker that did not listen yet
            return
        fault = machine_fault(error)
        early = dict.fromkeys([os_error(fault) if fault else one_line(error)[:300]])
    out = console()
    for line in early:
        out.print(f"A worker ended early: {line}", style="yellow", markup=False, soft_wrap=True)


def _end_idle_processes() -> None:
    """End the processes that joblib keeps for its next work.

    They would stay for five minutes with their memory, also that of a GPU, and where a notebook's
    kernel is killed, without anyone who could use them.
    """
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown()


def launcher_of(
    context: HydraContext, work: Callable[[DictConfig], Any], config: DictConfig
) -> Launcher:
    """The configured Hydra launcher.

    Raises:
        UserError: it cannot work on this machine.
    """
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=work, config=config
    )


def can_leave(launcher: Launcher) -> bool:
    """Whether the workers of a launcher live on without the process that launched them."""
    return hasattr(launcher, "leave")


def choice(config: DictConfig) -> str:
    """The launcher's name, as the user chose it."""
    return str(config.hydra.runtime.choices["hydra/launcher"])


def may_be_elsewhere(config: DictConfig) -> bool:
    """Whether workers may run on other machines: true of every launcher that is not known to use
    this machine alone."""
    return choice(config) not in OF_ONE_MACHINE
