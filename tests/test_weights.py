"""`betafront weights`, from the command line."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Command = Callable[..., Any]


def answer(betafront: Command, *arguments: str) -> dict[str, Any]:
    said = betafront("weights", "--json", *arguments)
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize(
    ("arguments", "beta"),
    [
        (("pytorch-vae",), 1.536),
        (("pytorch-vae", "--latents", "64", "--weight", "1"), 6144),
        (("disent",), 7.766016),
        (("disentangling-vae",), 1 / 510),
        (("lightning-bolts",), 0.6),
        (("disentanglement-lib", "--weight", "16"), 8),
        (("mr-vae", "--weight", "0.01"), 0.005),
        (("pythae", "--weight", "3"), 3),
        (("sigma-vae", "--sigma", "0.1"), 1),
    ],
)
def test_a_projects_default_on_the_one_scale(
    betafront: Command, arguments: tuple[str, ...], beta: float
) -> None:
    assert answer(betafront, "--project", *arguments)["beta"] == pytest.approx(beta, rel=1e-11)


def test_a_shape_is_the_same_as_its_pixels(betafront: Command) -> None:
    rest = ("--latents", "20", "--normalisation", "mean", "--weight", "0.1")
    by_shape = answer(betafront, "--shape", "1x28x28", *rest)
    assert by_shape == answer(betafront, "--pixels", "784", *rest)


def test_a_squared_error_halves_or_keeps_the_weight(betafront: Command) -> None:
    rest = ("--pixels", "64", "--latents", "8", "--weight", "3")
    assert answer(betafront, *rest, "--squared-error", "full")["beta"] == 1.5
    assert answer(betafront, *rest, "--squared-error", "half")["beta"] == 3
    at_sigma = answer(betafront, *rest, "--squared-error", "half", "--precision", "4")
    assert (at_sigma["beta"], at_sigma["beta_sigma2"], at_sigma["sigma"]) == (12, 3, 0.5)


def test_squared_errors_in_each_reduction(betafront: Command) -> None:
    arguments = ("--pixels", "64", "--latents", "8", "--weight", "3", "--sigma", "0.5")
    assert answer(betafront, *arguments)["squared_error_weights"] == {
        "full": {"sum": 1.5, "mean": 0.1875, "pixel_mean": 0.0234375, "beta_norm": 0.1875},
        "half": {"sum": 0.75, "mean": 0.09375, "pixel_mean": 0.01171875, "beta_norm": 0.09375},
    }


def test_the_table_says_that_sigma_was_taken(betafront: Command) -> None:
    said = betafront("weights", "--project", "pytorch-vae")
    assert "canonical β = 1.536" in said.out
    assert "σ = 1 is taken, since nobody said" in said.out
    assert "6144" in said.out
    assert max(map(len, said.out.splitlines())) <= 100


SIZES = ("--pixels", "4", "--latents", "2", "--weight", "1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "or --project"),
        (("--pixels", "4", "--latents", "2"), "--weight"),
        ((*SIZES, "--shape", "1x2x2"), "--pixels and --shape both say N"),
        ((*SIZES, "--sigma", "1", "--precision", "1"), "--sigma and --precision both say σ"),
        ((*SIZES, "--precision", "-1"), "--precision must be above 0"),
        ((*SIZES, "--sigma", "nan"), "--sigma must be above 0"),
        ((*SIZES, "--squared-error", "ful"), "did you mean 'full'?"),
        ((*SIZES, "--coefficient", "0"), "coefficient must be above 0"),
        (("--project", "pytorchvae"), "did you mean 'pytorch-vae'?"),
        (("--shape", "3xax4", "--latents", "2", "--weight", "1"), "--shape is like 3x64x64"),
        (("--pixels", "4", "--latents", "2", "--weight", "nan"), "--weight must be finite"),
    ],
)
def test_bad_input_is_one_clear_line(
    betafront: Command, arguments: tuple[str, ...], says: str
) -> None:
    said = betafront("weights", *arguments)
    assert said.code == 2
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1
