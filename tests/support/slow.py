"""Training that takes time and no processor, for tests of what happens meanwhile.

The file is copied into the folder where a command is given, from which every process of a sweep can
import it.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from torch.optim import Adam

MEETING_SECONDS = 400.0


class SlowAdam(Adam):
    """Adam that waits before each step.

    Args:
        parameters: of the model.
        wait: seconds.
        processes: the first step waits until so many have come to theirs, so that each of them
            trains something, however long the machine takes to start them.
        meeting: the folder in which the processes write that they have come.
        more: arguments of Adam.
    """

    def __init__(
        self, parameters: Any, wait: float, processes: int, meeting: str, **more: Any
    ) -> None:
        super().__init__(parameters, **more)
        self._wait = wait
        self._processes = processes
        self._meeting = Path(meeting)

    def step(self, closure: Any = None) -> Any:
        if self._processes > 1:
            self._meet()
        time.sleep(self._wait)
        return super().step(closure)

    def _meet(self) -> None:
        self._meeting.mkdir(exist_ok=True)
        (self._meeting / str(os.getpid())).touch()
        until = time.monotonic() + MEETING_SECONDS
        while len(list(self._meeting.iterdir())) < self._processes and time.monotonic() < until:
            time.sleep(0.1)


def slowly(place: Path, steps: int, seconds: float, processes: int = 1) -> tuple[str, ...]:
    """Overrides of runs of so many steps that take so many seconds: of a choice in the user's own
    `conf/`, which workers that join make as well.

    Args:
        place: where the command is given.
        steps: of a run.
        seconds: that its steps take together.
        processes: of the sweep, all of which are to train something.
    """
    shutil.copy(__file__, place / "slow.py")
    choice = place / "conf/optimizer/slow.yaml"
    choice.parent.mkdir(parents=True, exist_ok=True)
    choice.write_text(
        f"defaults:\n  - adam\n_target_: slow.SlowAdam\nwait: {seconds / steps!r}\n"
        f"processes: {processes}\nmeeting: {place.parent / 'meeting'}\n"
    )
    return (f"trainer.steps={steps}", "optimizer=slow")
