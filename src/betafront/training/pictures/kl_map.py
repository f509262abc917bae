"""The page of a spatial code: where in the image, and in which channels, the KL is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.training.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

CHANNELS = 8  # those of the highest KL
ROWS = 2
DPI, SIDE = 80, 2.2  # of a map, in inches


def draw_kl_map(result: Result, path: Path) -> None:
    """Write the page of a run with a spatial code, as a PNG: the KL at each position, summed over
    the channels, and that of the channels of the highest KL, on a scale of their own."""
    from matplotlib.figure import Figure

    kl = result.kl_map  # (C, h, w)
    of_channels = result.kl_of_channels
    order = of_channels.argsort()[::-1][:CHANNELS].tolist()
    across = -(-len(order) // ROWS)
    figure = Figure(figsize=((ROWS + across + 1.2) * SIDE, ROWS * SIDE), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(ROWS + 0.6, across + 0.6))
    whole, each = parts
    channels, height, width = kl.shape
    of = f", {channels} channels together" if channels > 1 else ""
    axis = whole.subplots()
    _show(axis, kl.sum(0), f"KL at {height} x {width} positions{of}")
    _scale(whole, axis)
    axes = each.subplots(ROWS, across, squeeze=False).flatten()
    for axis, j in zip(axes, order, strict=False):
        _show(axis, kl[j], f"channel {j + 1}: {of_channels[j]:.3g} nats", float(kl.max()))
    for axis in axes[len(order) :]:
        axis.set_axis_off()
    _scale(each, axes[0], axes)
    figure.savefig(path, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})


def _show(axis: "Axes", kl: "NDArray[Any]", title: str, most: float | None = None) -> None:
    """A map from 0 to `most`, or to its own maximum where that is not given."""
    axis.imshow(kl, vmin=0.0, vmax=most)
    axis.set_title(title, fontsize="medium")
    axis.set_xticks([])
    axis.set_yticks([])


def _scale(figure: Any, shown: "Axes", beside: Any = None) -> None:
    """The scale of the map in `shown`, beside all that have it."""
    beside = shown if beside is None else list(beside)
    figure.colorbar(shown.images[0], ax=beside, label="nats", shrink=0.8)
