"""The latent map: real small runs, and codes whose map is known."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from betafront.data import Factors
from betafront.models import mlp
from betafront.training import Run, draw_pages, fit_one
from betafront.training.folder import RunFolder
from betafront.training.pictures.latent_map import POINTS, LatentMap, latent_map
from betafront.training.pictures.map import MapPage, histogram

MakeRun = Callable[..., Run]
FLOAT32 = 1e-6  # the rounding of numbers up to 10


def factors(n: int, sizes: tuple[int, ...], ordinal: tuple[bool, ...]) -> Factors:
    names = tuple(f"factor {k}" for k in range(len(sizes)))
    values = torch.stack([torch.arange(n) % size for size in sizes], 1)
    return Factors(names, sizes, ordinal, values, values, values)


def codes(n: int, *sd: float) -> torch.Tensor:
    z = torch.randn(n, len(sd), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return z * torch.tensor(sd, dtype=torch.float64)


@pytest.mark.parametrize("latents", [1, 2, 3, 5])
def test_a_run_keeps_the_means_of_its_images_and_their_labels(
    make_run: MakeRun, tmp_path: Path, latents: int
) -> None:
    run = make_run(architecture=partial(mlp, latents=latents, hidden=(16,)), weight=0.01, steps=60)
    result = fit_one(run, tmp_path)
    found = LatentMap.load(tmp_path)
    assert found.points.shape == (len(run.data.val), min(latents, 2))
    assert run.data.factors is not None
    assert (found.factor, found.size) == ("label", 10)
    assert found.values.tolist() == run.data.factors.val[:, 0].tolist()
    if latents <= 2:
        assert found.axes == tuple(
            f"z{j}, KL {kl:.2f} nats" for j, kl in enumerate(result.spectrum, 1)
        )
    draw_pages(tmp_path)
    with Image.open(tmp_path / "pictures/latent_map.png") as page:
        assert min(page.size) > 400


def test_its_points_are_what_the_encoder_says(make_run: MakeRun, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run = make_run()
    fit_one(run, tmp_path)
    vae = run.vae()
    vae.load_state_dict(load_file(tmp_path / "model.safetensors"))
    with torch.no_grad():
        means = vae.code(run.data.val).numpy()
    assert np.abs(LatentMap.load(tmp_path).points - means).max() < FLOAT32


def test_images_without_labels_have_one_colour(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    fit_one(replace(run, data=replace(run.data, factors=None)), tmp_path)
    found = LatentMap.load(tmp_path)
    assert (found.factor, found.size, set(found.values.tolist())) == ("", 1, {0})
    draw_pages(tmp_path)
    assert (tmp_path / "pictures/latent_map.png").is_file()


@pytest.mark.parametrize("latents", [1, 2, 4])
def test_a_collapsed_model_has_its_images_in_the_middle(
    make_run: MakeRun, tmp_path: Path, latents: int
) -> None:
    run = make_run(
        architecture=partial(mlp, latents=latents, hidden=(16,)), weight=1000.0, steps=300
    )
    result = fit_one(run, tmp_path)
    assert result.metrics["val/active_units"] == 0
    found = LatentMap.load(tmp_path)
    assert found.points.shape[1] == min(latents, 2)
    assert np.abs(found.points).max() < 0.5
    draw_pages(tmp_path)
    assert (tmp_path / "pictures/latent_map.png").is_file()


def test_many_images_are_the_first_of_them() -> None:
    z = codes(POINTS + 100, 1.0, 1.0)
    found = latent_map(z, [1.0, 1.0], 2, factors(POINTS + 100, (7,), (False,)))
    assert np.abs(found.points - z[:POINTS].numpy()).max() < FLOAT32
    assert found.values.tolist() == [i % 7 for i in range(POINTS)]


def test_of_two_active_latents_among_many_they_are_the_axes() -> None:
    z = codes(50, 0.0, 1.0, 0.0, 0.9)
    found = latent_map(z, [0.0, 1.25, 0.01, 2.5], 2, None)
    assert found.axes == ("z2, KL 1.25 nats", "z4, KL 2.50 nats")
    assert np.abs(found.points - z[:, [1, 3]].numpy()).max() < FLOAT32


def test_of_more_they_are_turned_and_not_moved_or_scaled() -> None:
    z = codes(POINTS, 1.0, 0.1, 3.0, 0.2) + torch.tensor([0.0, 0.0, 5.0, 0.0])
    found = latent_map(z, [1.0, 1.0, 1.0, 1.0], 4, None)
    # Within the sampling error of the axes, the third latent and the first.
    assert np.abs(found.points - z[:, [2, 0]].numpy()).max() < 0.2
    share = 9 / (1 + 0.01 + 9 + 0.04)
    assert found.axes[0] == f"PC 1: {share:.0%} of the means' variance"
    turned = torch.linalg.qr(codes(4, 1.0, 1.0, 1.0, 1.0))[0]
    again = latent_map(z @ turned, [1.0, 1.0, 1.0, 1.0], 4, None)  # the same points, but for signs
    assert np.abs(np.abs(again.points) - np.abs(found.points)).max() < 1e-5


CHOICES = {
    "the first": (((4, 3), (True, True)), "factor 0"),
    "one of names before it": (((4, 3), (True, False)), "factor 1"),
    "the first of several of names": (((4, 3, 2), (True, False, False)), "factor 1"),
}


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_the_factor_that_colours_it(name: str) -> None:
    known, expected = CHOICES[name]
    found = latent_map(codes(20, 1.0, 1.0), [1.0, 1.0], 2, factors(20, *known))
    assert found.factor == expected
    k = int(expected[-1])
    assert found.values.tolist() == [i % known[0][k] for i in range(20)]
    assert found.size == known[0][k]


def maps() -> dict[str, LatentMap]:
    return {
        "digits": latent_map(codes(90, 1, 1), [1.0, 2.0], 2, factors(90, (10,), (False,))),
        "plain": latent_map(codes(30, 9, 9), [1.0, 2.0], 2, None),
        "plane": latent_map(codes(50, 1, 2, 3), [1.0] * 3, 3, factors(50, (3,), (False,))),
        "many": latent_map(codes(300, 1, 1), [1.0, 2.0], 2, factors(300, (100,), (True,))),
        "own prior": latent_map(codes(30, 1, 1), [1.0, 2.0], 2, None, standard_prior=False),
        "$": replace(
            latent_map(codes(30, 1, 1), [1.0, 2.0], 2, factors(30, (2,), (True,))), factor="a$b$_$"
        ),
    }


@pytest.mark.parametrize("name", sorted(maps()))
def test_a_page_does_not_remember_the_map_before(tmp_path: Path, name: str) -> None:
    fresh, used = tmp_path / "fresh.png", tmp_path / "used.png"
    MapPage().show(maps()[name], name).savefig(fresh)
    page = MapPage()
    for other in maps().values():
        page.show(other, "another")
        page.show(maps()[name], name).savefig(used)
        assert used.read_bytes() == fresh.read_bytes()


def test_a_page_shows_every_point_in_the_colour_of_its_value() -> None:
    page = MapPage()
    for found in maps().values():
        page.show(found, "title")
        assert np.array_equal(page.dots.get_offsets(), found.points)
        low, high = page.axis.get_xlim()
        assert low < found.points.min() and found.points.max() < high
        assert page.axis.get_ylim() == (low, high)  # the circles are circles
        assert low < -2 and high > 2
        colors = page.dots.get_facecolor()
        for value in np.unique(found.values):
            (color,) = np.unique(colors[found.values == value], axis=0)
            line = next((t for t in page.key if t.get_text() == f"● {value}"), None)
            assert line is None or np.allclose(line.get_color()[:3], color[:3])
        named = {line.get_text() for line in page.key[1:]}
        assert len(named) == (min(found.size, 20) if found.factor else 0)


def test_the_prior_is_drawn_where_it_is_known(tmp_path: Path) -> None:
    page = MapPage()
    for name, found in maps().items():
        found.save(tmp_path)
        page.show(LatentMap.load(tmp_path), name)
        assert {part.get_visible() for part in page.prior} == {name != "own prior"}
    one = replace(latent_map(codes(50, 1.0), [0.7], 1, None), standard_prior=False)
    assert not histogram(one, "one").axes[0].lines


def test_a_map_of_before_has_a_standard_prior(tmp_path: Path) -> None:
    kept = asdict(maps()["plain"])
    del kept["standard_prior"]
    np.savez(RunFolder(tmp_path).latent_map, **kept)
    assert LatentMap.load(tmp_path).standard_prior


def test_a_single_latent_is_a_histogram_of_density() -> None:
    z = codes(500, 1.0)
    found = latent_map(z, [0.7], 1, factors(500, (3,), (False,)))
    (axis,) = histogram(found, "one").axes
    assert len(axis.patches) == 3
    highest = max(patch.get_path().vertices[:, 1].max() for patch in axis.patches)
    assert 0.2 < highest < 0.8  # the density of a Gaussian is 0.4 in its middle
    assert axis.get_xlabel() == "z1, KL 0.70 nats"
