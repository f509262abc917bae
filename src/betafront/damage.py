"""Reading a file that may be damaged: cut short, emptied, or overwritten with something else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from betafront.errors import UserError, one_line

COPY = "put back a copy of it"


@contextmanager
def reading(path: Path, way_out: str = COPY) -> Iterator[None]:
    """A context in which a file is read, and what it holds is looked at.

    Args:
        path: of the file.
        way_out: what the user may do where it is damaged.

    Raises:
        UserError: naming the file, where anything but a `UserError` is raised: the readers of
            damaged files raise almost anything.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or one_line(error)})") from error
    except Exception as error:
        raise UserError(f"{path} is damaged ({_why(error)}): {way_out}") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        Exception: it is not there, or it is damaged.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def _why(error: Exception) -> str:
    """What is wrong, as far as the reader says so in words."""
    match error:
        case UnicodeDecodeError():
            return "it is no text"
        case KeyError():
            return f"it lacks {', '.join(map(str, error.args))}"
        case AttributeError() | TypeError() | IndexError():
            return "it holds something else"
    return one_line(error)[:150] or type(error).__name__
