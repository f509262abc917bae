"""The quick variant of every study, one after the other.

python -m studies.quick
"""

import subprocess
import sys
import time

from studies.sweeps import STUDIES


def main() -> None:
    """Run them; the first that fails ends it."""
    for run in sorted(STUDIES.glob("*/run.py")):
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", f"studies.{run.parent.name}.run", "--quick"], check=True
        )
        print(f"{run.parent.name}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
