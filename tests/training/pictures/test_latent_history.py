"""The page of the latents over training."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from tests.training.latents.test_became import OFF, ON, history

from betafront.training.latents.became import what_became
from betafront.training.pictures.latent_history import LEAST, SHOWN, edges, page

FOUND = history(
    [[ON, ON, OFF], [ON, OFF, OFF], [ON, OFF, ON]],
    [[4.0, 0.5], [5.0, 0.01], [5.0, 0.01]],
    [0.1, 1.0, 10.0],
    widths=(2, 1),
)  # fmt: skip
TRACE = {"step": np.arange(30.0), "beta": np.geomspace(0.1, 10, 30)}


def test_it_shows_every_layer_above_the_weight() -> None:
    figure = page(FOUND, TRACE)
    first, second, weight, counted, _ = sorted_axes(figure)
    assert (first.get_ylabel(), second.get_ylabel()) == ("layer 1", "layer 2")
    kl = [axis.collections[0] for axis in (first, second)]
    assert [mesh.get_array().shape for mesh in kl] == [(2, 3), (1, 3)]
    assert all(isinstance(mesh.norm, LogNorm) and mesh.norm.vmin == LEAST for mesh in kl)
    assert [label.get_text() for label in first.get_yticklabels()] == ["z1", "z2"]
    died, woke = first.collections[1].get_offsets(), second.collections[1].get_offsets()
    assert died.tolist() == [[20, 1]]  # z2, in the second row
    assert woke.tolist() == [[30, 0]]
    assert [line.get_ydata().tolist() for line in counted.lines] == [[2, 1, 1], [0, 0, 1]]
    assert weight.get_yscale() == "log"
    assert {axis.get_xlim() for axis in (first, second, counted, weight)} == {(0.0, 30.0)}
    said = " ".join(text.get_text() for text in figure.texts)
    assert said.split() == " ".join(what_became(FOUND)).split()  # of spaces of any kind


def sorted_axes(figure) -> list:  # type: ignore[no-untyped-def, type-arg]
    """The maps from above to below, the weight, the number of active latents, the colours."""
    weight, counted, *maps, colours = figure.axes
    return [*reversed(maps), weight, counted, colours]


def test_nothing_in_it_covers_anything_else() -> None:
    figure = page(FOUND, TRACE)
    figure.canvas.draw()  # type: ignore[attr-defined]
    boxes = sorted((axis.get_position() for axis in figure.axes[:-1]), key=lambda box: box.y0)
    assert all(below.y1 < above.y0 for below, above in pairwise(boxes))
    width, height = figure.bbox.width, figure.bbox.height
    key = sorted_axes(figure)[3].get_legend().get_window_extent()
    assert key.x1 <= width
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width and box.y1 <= height
        assert box.y0 > boxes[-1].y1 * height


@pytest.mark.parametrize("latents", [1, SHOWN + 10])
def test_it_shows_any_number_of_latents(latents: int) -> None:
    found = history([[ON] * latents], [3.0], 1.0)
    found = replace(found, kl=np.linspace(-0.1, 0, latents, dtype=np.float32)[None])
    figure = page(found, {"step": np.arange(10.0), "beta": np.ones(10)})
    mesh = figure.axes[2].collections[0]
    assert mesh.get_array().shape == (min(latents, SHOWN), 1)
    assert (mesh.get_array() == LEAST).all()  # no KL is too low to have a colour


def test_columns_meet_in_the_middle_between_validations() -> None:
    assert edges([10]).tolist() == [0, 10]
    assert edges([10, 20, 40]).tolist() == [5, 15, 30, 40]
    assert edges([2, 20]).tolist() == [0, 11, 20]
