"""Training that is slow until a file is gone, for tests of what happens meanwhile.

As `slow.py` beside it, the file is copied into the folder where a command is given.
"""

import shutil
import time
from pathlib import Path
from typing import Any

from torch.optim import Adam

SLOW = "slow"  # the name of the file


class AdamUntil(Adam):
    """Adam that waits before each step while there is a file called SLOW."""

    def step(self, closure: Any = None) -> Any:
        if Path(SLOW).exists():
            time.sleep(0.1)
        return super().step(closure)


def slow_until(place: Path) -> tuple[str, ...]:
    """Overrides of runs whose steps take a tenth of a second until `place / SLOW` is removed."""
    shutil.copy(__file__, place / "until.py")
    (place / SLOW).touch()
    return ("optimizer._target_=until.AdamUntil",)
