"""What a sweep takes, seen from outside: the times of its first word and step, processor seconds,
and peak memory."""

import os
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
from benchmarks.common import seconds_of_children
from benchmarks.peers.stamps import FOLDER

ROOT = Path(__file__).parents[2]


class Processes:
    """What a process and its descendants have taken so far, by looking again and again.

    Attributes:
        peak: the greatest proportional set size of all together (a page that n processes share
            counts 1/n in each), in MiB.
    """

    def __init__(self, first: int) -> None:
        self.first = psutil.Process(first)
        self.peak = 0.0
        self.seconds: dict[psutil.Process, float] = {}

    def look(self) -> None:
        """Note what is there now."""
        total = 0
        with suppress(psutil.NoSuchProcess):
            for each in [self.first, *self.first.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    total += each.memory_full_info().pss
                    times = each.cpu_times()
                    self.seconds[each] = times.user + times.system
        self.peak = max(self.peak, total / 2**20)

    @property
    def processor(self) -> float:
        """Seconds on the processor, as each process was last seen."""
        return sum(self.seconds.values())


def watched(
    command: list[str], place: Path, environment: dict[str, str] | None = None
) -> dict[str, float]:
    """Run the command of a sweep, and measure.

    Returns:
        `began`, seconds since 1970; `word`, `step` and `end`, seconds after it, of which `step` is
        where `stamps.Stamped` is the optimiser; `processor` seconds of all processes that somebody
        has waited for, or, where that is more, as they were last seen: nobody waits for those of
        Ray; `peak`, MiB; and `others`, the cores that all else on the machine took in the mean.
    """
    stamps = place / "stamps"
    stamps.mkdir(parents=True)
    given = {
        FOLDER: str(stamps), "PYTHONPATH": f"{ROOT}/src:{ROOT}", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    before, began = seconds_of_children(), time.time()
    words, said = list[float](), list[str]()
    busy = busy_seconds()
    terminal, its = os.openpty()  # what somebody who waits before it sees
    running = subprocess.Popen(
        command, cwd=place, env=os.environ | given | (environment or {}), stdout=its, stderr=its
    )
    os.close(its)

    def read() -> None:
        with suppress(OSError):  # EIO, once nobody writes to the terminal any more
            while line := os.read(terminal, 4096):
                words.append(time.time() - began)
                said.append(line.decode(errors="replace"))

    reader = threading.Thread(target=read)
    reader.start()
    processes = Processes(running.pid)
    while running.poll() is None:
        processes.look()
        time.sleep(0.5)
    end = time.time() - began
    reader.join()
    os.close(terminal)
    if running.returncode:
        raise RuntimeError("".join(said))
    processor = max(seconds_of_children() - before, processes.processor)
    return {
        "began": began,
        "word": words[0],
        "step": min(float(path.read_text()) for path in stamps.iterdir()) - began,
        "end": end,
        "processor": processor,
        "peak": processes.peak,
        "others": (busy_seconds() - busy - processor) / end,
    }


def busy_seconds() -> float:
    """Seconds that the machine's cores have spent on anything."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice
