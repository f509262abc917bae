"""Lines on how far a long preparation is."""

import sys
import time

EVERY = 5.0  # seconds


class Progress:
    """Says on the standard error, every few seconds, how far something is; nothing where it is done
    sooner than that.

    Args:
        what: is done, as in "data=folder: reading".
        total: pictures.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self.began = self.said = time.monotonic()

    def add(self, pictures: int) -> None:
        """So many more are done."""
        self.done += pictures
        now = time.monotonic()
        if now - self.said < EVERY or not self.done:
            return
        self.said = now
        left = (now - self.began) * (self.total / self.done - 1)
        print(
            f"{self.what}: {self.done:,} of {self.total:,} pictures, about {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
