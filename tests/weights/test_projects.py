"""What eight projects' defaults mean: from their constants, to the numbers that are known."""

import math

import pytest

from betafront.errors import UserError
from betafront.weights.projects import PROJECTS, project

KNOWN = {
    "pytorch-vae": 0.00025 * 3 * 64 * 64 / 2,  # 1.54
    "disent": 0.0316 * 3 * 64 * 64 / 25 / 2,  # 7.8
    "disentangling-vae": 1 / 510,
    "lightning-bolts": 0.6,
    "disentanglement-lib": 4 / 2,
    "mr-vae": 1 / 2,
    "pythae": 1.0,
    "sigma-vae": 1.0,
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_defaults_mean_what_is_known(name: str) -> None:
    assert PROJECTS[name].beta == pytest.approx(KNOWN[name], rel=1e-14)


def test_there_are_these_projects_and_no_others() -> None:
    assert set(PROJECTS) == set(KNOWN)


def test_validation_of_pytorch_vae_has_another_beta() -> None:
    known = PROJECTS["pytorch-vae"]
    assert known.convention.beta(1.0, known.pixels, known.latents) == pytest.approx(6144)
    assert "6144" in known.note


@pytest.mark.parametrize("weight", [1, 2, 4, 6, 8, 16])
def test_an_unhalved_squared_error_halves_the_stated_beta(weight: float) -> None:
    for name in ("disentanglement-lib", "mr-vae"):
        known = PROJECTS[name]
        assert known.convention.beta(weight, known.pixels, known.latents) == weight / 2


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("AntixK/PyTorch-VAE", "pytorch-vae"),
        ("disentanglement_lib", "disentanglement-lib"),
        ("bolts", "lightning-bolts"),
        ("Sigma VAE", "sigma-vae"),
    ],
)
def test_names_are_forgiving(word: str, name: str) -> None:
    assert project(word).name == name


def test_an_unknown_project_names_the_near_miss() -> None:
    with pytest.raises(UserError, match=r"'pyhtae'.*did you mean 'pythae'\?"):
        project("pyhtae")


def test_pixels_are_the_product_of_the_shape() -> None:
    assert all(known.pixels == math.prod(known.shape) for known in PROJECTS.values())
