"""The quick variant of every study, one per processor at a time.

python -m studies.quick
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from studies.sweeps import STUDIES


def run_quick(study: str) -> str:
    """Run the quick variant of a study.

    Returns:
        A line that says how long it took.

    Raises:
        SystemExit: it failed; with all that it printed.
    """
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"studies.{study}.run", "--quick"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{study}: its quick variant failed")
    return f"{study}: {time.monotonic() - started:.0f} s"


def main() -> None:
    """Run them; the first that fails ends it, once those have ended that run beside it."""
    studies = sorted(run.parent.name for run in STUDIES.glob("*/run.py"))
    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # which wait for their processes
        runs = [pool.submit(run_quick, study) for study in studies]
        print(f"The quick variants of {len(studies)} studies …", flush=True)
        try:
            for run in as_completed(runs):
                print(run.result(), flush=True)
        finally:  # after one that failed, or Ctrl-C, no other begins
            pool.shutdown(cancel_futures=True)
    print(f"all: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
