"""Which axis of an array of examples has the channels."""

from collections.abc import Sequence

from torch import Tensor

from betafront.errors import UserError

PLACES = ("first", "last")

USUAL = (1, 3)
"""Numbers of channels that are recognised by themselves, of images: grey, and red, green, blue."""


def channels_first(x: Tensor, path: str, channels: str | int | None = None) -> Tensor:
    """`(n, ..., C)` or `(n, C, ...)` as `(n, C, ...)`.

    Args:
        x: examples of at least two axes.
        path: names the array in errors.
        channels: `first` or `last`; their number, where it is known; or None: then an axis of 1 or
            3 has the channels of images, and otherwise the first one, where it is no longer than
            any other.

    Raises:
        UserError: `channels` is something else, or it is not clear where they are.
    """
    if channels is None:
        channels = _found(x, path)
    if isinstance(channels, int):
        channels = "first" if channels == x.shape[1] or channels != x.shape[-1] else "last"
    if channels not in PLACES:
        raise UserError(f"data.channels is first or last, not {channels!r}")
    return x if channels == "first" else x.movedim(-1, 1)


def channels_as(given: Sequence[int], shape: Sequence[int]) -> str | int:
    """Where the channels of new examples are, of which a model takes those of `shape`.

    Args:
        given: the shape of one of them.
        shape: channels first.
    """
    channels, *rest = shape
    at_the_end = tuple(given) == (*rest, channels) and tuple(given) != tuple(shape)
    return "last" if at_the_end else channels


def _found(x: Tensor, path: str) -> str:
    first, last = x.shape[1], x.shape[-1]
    if x.ndim == 4 and (first in USUAL or last in USUAL):
        return "first" if first in USUAL else "last"
    if first <= min(x.shape[2:]):
        return "first"
    alpha = ""
    if x.ndim == 4 and last in (2, 4):
        alpha = "; where the last one is an alpha channel, save the colours alone, x[..., :-1]"
    raise UserError(
        f"{path} has the shape {tuple(x.shape)}, which does not say which axis has the channels: "
        f"give data.channels=first ({first} channels) or data.channels=last ({last} channels)"
        f"{alpha}"
    )
