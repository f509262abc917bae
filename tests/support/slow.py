"""Training that takes time and no processor, for tests of what happens meanwhile.

The file is copied into the folder where a command is given, from which every process of a sweep can
import it.
"""

import shutil
import time
from pathlib import Path
from typing import Any

from torch.optim import Adam


class SlowAdam(Adam):
    """Adam that waits before each step.

    Args:
        parameters: of the model.
        wait: seconds.
        more: arguments of Adam.
    """

    def __init__(self, parameters: Any, wait: float, **more: Any) -> None:
        super().__init__(parameters, **more)
        self._wait = wait

    def step(self, closure: Any = None) -> Any:
        time.sleep(self._wait)
        return super().step(closure)


def slowly(place: Path, steps: int, seconds: float) -> tuple[str, ...]:
    """Overrides of runs of so many steps that take so many seconds: of a choice in the user's own
    `conf/`, which workers that join make as well.

    Args:
        place: where the command is given.
        steps: of a run.
        seconds: that its steps take together.
    """
    shutil.copy(__file__, place / "slow.py")
    choice = place / "conf/optimizer/slow.yaml"
    choice.parent.mkdir(parents=True, exist_ok=True)
    choice.write_text(f"defaults:\n  - adam\n_target_: slow.SlowAdam\nwait: {seconds / steps!r}\n")
    return (f"trainer.steps={steps}", "optimizer=slow")
