"""An optimiser that says when the first step of each process was taken, for `watched.py`."""

import os
import time
from pathlib import Path
from typing import Any, ClassVar

from torch.optim import Adam

FOLDER = "BENCHMARK_STAMPS"


class Stamped(Adam):
    """Adam, which writes the time of its first step into the folder that FOLDER names."""

    stamped: ClassVar[int | None] = None  # the process that has written

    def step(self, closure: Any = None) -> Any:
        found = super().step(closure)
        if Stamped.stamped != os.getpid():
            Stamped.stamped = os.getpid()
            (Path(os.environ[FOLDER]) / str(os.getpid())).write_text(str(time.time()))
        return found
