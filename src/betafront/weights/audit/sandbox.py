"""Running a user's loss: without its output, and with its errors as one line."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator

from betafront.errors import UserError, one_line

LONGEST = 200  # characters of an error's message
MISMATCH = re.compile(
    r"Using a target size \(torch\.Size\((.*?)\)\) that is different to the input size "
    r"\(torch\.Size\((.*?)\)\)"
)


class CannotTell(Exception):
    """The probes do not settle a question; the message is the reason."""


class NotRecognised(CannotTell):
    """A term is none that is known for this kind of arguments; it may be one for another kind."""


class LossRaised(UserError):
    """The audited function raised an error."""


class NoGradient(LossRaised):
    """The audited function answers, and differentiating the answer raised an error."""


class NullStream(io.TextIOBase):
    """A stream that discards its text."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """A context in which nothing is printed, warned of or logged: a loss is called a thousand
    times, and its output would flood the terminal and spoil the JSON."""
    before = logging.root.manager.disable
    sink = NullStream()
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


def error_line(error: BaseException) -> str:
    """An error in one line, also where it has no message."""
    kind, text = type(error).__name__, one_line(error)
    if not text:
        assertion = isinstance(error, AssertionError)
        return "an assertion without a message" if assertion else f"{kind} without a message"
    sizes = MISMATCH.search(text)
    if sizes:
        one, other = sizes.groups()
        text = f"a loss between sizes {one} and {other} (a hard-coded image size?)"
    return f"{kind}: {text[:LONGEST]}"
