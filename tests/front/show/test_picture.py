"""The front as a picture."""

from io import BytesIO

from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from betafront.front.show.picture import DPI, png_of


def test_a_picture_is_drawn_as_savefig_draws_it() -> None:
    def figure() -> Figure:
        made = Figure(figsize=(5, 3), layout="constrained")
        axes = made.subplots()
        axes.plot([1, 10, 100], [5, 3, 2], "o--", label="front")
        axes.set(xscale="log", xlabel="rate R", ylabel="distortion D")
        axes.legend()
        made.colorbar(ScalarMappable(cmap="viridis"), ax=axes, label="canonical β")
        made.suptitle("a study")
        return made

    twice, once = BytesIO(), figure()
    figure().savefig(twice, format="png", dpi=DPI)
    before = once.dpi
    assert png_of(once) == twice.getvalue()
    assert once.dpi == before != DPI
