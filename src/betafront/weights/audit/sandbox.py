"""Running somebody's loss: without a sound, and its errors as one line."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator

from betafront.errors import UserError, one_line

LONGEST = 200  # letters of somebody else's message
MISMATCH = re.compile(
    r"Using a target size \(torch\.Size\((.*?)\)\) that is different to the input size "
    r"\(torch\.Size\((.*?)\)\)"
)


class LossRaised(UserError):
    """The audited function raised an error of its own."""


class Nowhere(io.TextIOBase):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """A context in which nothing is printed, warned of or logged: a loss is called a thousand
    times, and what it prints would flood the terminal and spoil the JSON."""
    before = logging.root.manager.disable
    sink = Nowhere()
    with (
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


def raised(error: BaseException) -> str:
    """What was raised, in one line that also tells where the error itself says nothing."""
    kind, text = type(error).__name__, one_line(error)
    if not text:
        assertion = isinstance(error, AssertionError)
        return "an assertion without a message" if assertion else f"{kind} without a message"
    sizes = MISMATCH.search(text)
    if sizes:
        one, other = sizes.groups()
        text = f"a loss between sizes {one} and {other} (a hard-coded image size?)"
    return f"{kind}: {text[:LONGEST]}"
