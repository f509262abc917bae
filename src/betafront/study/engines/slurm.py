"""Workers as a Slurm job array, through submitit.

The launcher of hydra-submitit-launcher makes the jobs and runs in them. Waiting for the jobs is
done here: submitit asks Slurm's accounting alone, which many clusters do not have, and would wait
for ever for a job that was cancelled or killed. Here `squeue` says which jobs are in the queue.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

from betafront.errors import UserError, one_line
from betafront.study.signals import FINISH
from betafront.terminal import console

if TYPE_CHECKING:
    from submitit import Job

LOOK_SECONDS = 5.0  # between two looks at the queue
LAST_LINES = 8  # of a log
PROGRAMS = ("sbatch", "srun", "squeue", "scancel", "scontrol")
NOT_OF_JOB = ("submitit_folder", "max_num_timeout")  # settings that are no parameters of a job
GENERAL = ("timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name", "stderr_to_stdout")


class Slurm(SlurmLauncher):  # type: ignore[misc]
    """Submits workers, and waits for them.

    Args:
        params: the settings of `conf/hydra/launcher/slurm.yaml`.

    Attributes:
        waits: set to false, it leaves the workers to Slurm once they are submitted.

    Raises:
        UserError: this machine cannot submit jobs.
    """

    waits = True

    def __init__(self, **params: Any) -> None:
        missing = [program for program in PROGRAMS if not shutil.which(program)]
        if missing:
            raise UserError(
                f"hydra/launcher=slurm needs Slurm's commands, and there is no {missing[0]} here: "
                "give the command on a machine that submits jobs"
            )
        super().__init__(**params)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        jobs = submitted(self, self.params, job_overrides, numbers)
        array = jobs[0].job_id.partition("_")[0]
        workers = f"{len(jobs)} workers" if len(jobs) > 1 else "a worker"
        logs = Path(self.params["submitit_folder"]).parent
        console().print(
            f"Slurm has {workers} as job {array}; logs are in {logs}; `scancel {array}` stops them",
            soft_wrap=True,
        )
        if not self.waits:
            return []
        return [_return(line) for line in ended(jobs, self.task_function.is_needed)]


def submitted(
    launcher: Callable[..., JobReturn],
    params: Mapping[str, Any],
    job_overrides: Sequence[Sequence[str]],
    numbers: range,
) -> "list[Job[JobReturn]]":
    """The jobs, in the queue.

    Raises:
        UserError: submitit or Slurm refuses them.
    """
    import submitit

    given = {k: v for k, v in params.items() if k not in NOT_OF_JOB and v is not None}
    named = {k if k in GENERAL else f"slurm_{k}": v for k, v in given.items()}
    folder, again = params["submitit_folder"], params["max_num_timeout"]
    try:
        executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=again)
        executor.update_parameters(**named)
        return executor.map_array(
            launcher,
            [list(overrides) for overrides in job_overrides],
            ["hydra.sweep.dir"] * len(numbers),
            list(numbers),
            [f"worker_{number}" for number in numbers],
            [Singleton.get_state()] * len(numbers),
        )
    except Exception as error:  # submitit asserts, and raises errors of many kinds
        raise UserError(f"Slurm does not take the workers: {one_line(error)[-300:]}") from error


def ended(jobs: "Sequence[Job[JobReturn]]", is_needed: Callable[[], bool]) -> list[str]:
    """Wait until all jobs have left the queue; returns why workers ended early, where any did.

    A result does not mean that its job has ended: a job that was pre-empted may leave a result and
    be queued again. A job that is missing from the queue and has no result is lost if the result is
    still missing at the next look: a shared file system may show it late.

    Args:
        jobs: as they were submitted.
        is_needed: whether the study has work left, for jobs that have not begun.

    Raises:
        KeyboardInterrupt: after the jobs were cancelled.
    """
    waiting, missing = list(jobs), set[str]()
    lost: dict[str, list[str]] = {}
    said: list[str] = []
    try:
        while waiting:
            time.sleep(LOOK_SECONDS)
            there = queued()
            left = [job for job in waiting if _has_left(job, there)]
            for job in left:
                if job.paths.result_pickle.is_file():
                    said += _said(job)
                elif job.job_id in missing:
                    lost.setdefault(_last_words(job), []).append(job.job_id)
                else:
                    continue
                waiting.remove(job)
            missing = {job.job_id for job in left}
            some_ended = FINISH.is_set() or len(waiting) < len(jobs)
            if waiting and some_ended and not is_needed():
                _scancel("--state=PENDING", *(job.job_id for job in waiting))
    except KeyboardInterrupt:
        _scancel(*(job.job_id for job in waiting))
        raise
    return [*said, *(f"Slurm's job {', '.join(ids)} {words}" for words, ids in lost.items())]


def _has_left(job: "Job[JobReturn]", there: set[str] | None) -> bool:
    """Whether a job has left the queue; where Slurm does not answer, whether it has a result."""
    return job.paths.result_pickle.is_file() if there is None else job.job_id not in there


def queued() -> set[str] | None:
    """The identifiers of this user's waiting and running jobs; None where Slurm does not answer."""
    words = ["squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    return set(answer.stdout.split()) if answer.returncode == 0 else None


def _said(job: "Job[JobReturn]") -> Iterator[str]:
    """What the worker of a job returned or raised, if it ended early."""
    try:
        early = job.results()[0].return_value
    except Exception as error:
        early = [type(error).__name__, *str(error).strip().splitlines()][-1]
    if early:
        yield f"{early} (Slurm's job {job.job_id})"


def _last_words(job: "Job[JobReturn]") -> str:
    """How a job without a result ended, and the end of its log."""
    log = job.paths.stdout
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    shown = "".join(f"\n    {line[:150]}" for line in lines[-LAST_LINES:] if line.strip())
    what = f"its log ends in:{shown}" if shown else "it has left no log"
    return f"ended{_state(job.job_id)} without an answer of its worker; {what}"


def _state(job: str) -> str:
    """Slurm's word for how a job ended; empty once Slurm has forgotten the job."""
    words = ["scontrol", "--oneliner", "show", "job", job]
    answer = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    found = [word.removeprefix("JobState=") for word in answer if word.startswith("JobState=")]
    return f" as {found[0]}" if found else ""


def _scancel(*words: str) -> None:
    subprocess.run(["scancel", *words], capture_output=True, check=False)


def _return(line: str) -> JobReturn:
    return JobReturn(_return_value=line, status=JobStatus.COMPLETED)
