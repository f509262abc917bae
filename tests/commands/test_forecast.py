"""`betafront forecast`, from the command line and from Python."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import betafront as bf

Command = Callable[..., Any]


def answer(betafront: Command, *words: str) -> dict[str, Any]:
    said = betafront("forecast", "--json", *words)
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_the_default_study(betafront: Command) -> None:
    found = answer(betafront, "data=digits", "model.latents=8", "normalisation=mean")
    # On all 1,797 digits λ₁/σ₀² is 9.53 and D at collapse 7.20; on the training split of 1,079 it
    # is 9.72, and 7.28.
    assert found["beta_c"] == pytest.approx(9.717, abs=1e-3)
    assert (
        found["weight_c"] == found["weights_c"]["mean"] == pytest.approx(found["beta_c"] * 8 / 64)
    )
    collapsed = next(row for row in found["table"] if row["what"] == "collapse")
    assert collapsed["distortion"] == pytest.approx(7.276, abs=1e-3)
    assert (collapsed["rate"], collapsed["live"]) == (0, 0)
    low, high = found["search"]["beta"]
    assert low < found["knee"]["beta"] < found["beta_c"] < high


def test_the_table_and_the_line_to_paste(betafront: Command) -> None:
    said = betafront("forecast", "data=digits", "objective.weight=3", "normalisation=mean")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert "nothing was trained" in lines[0]
    assert any(line.split()[:2] == ["normalisation=mean", "1.215"] for line in lines)
    (sweep,) = [line for line in lines if "betafront sweep" in line]
    assert "data=digits normalisation=mean 'objective.weight=tag(log,interval(" in sweep
    assert "objective.weight=3" not in sweep
    assert "4 of 64 data dimensions never change" in " ".join(said.out.split())
    assert all(len(line) <= 100 for line in lines if "betafront" not in line)


@pytest.mark.parametrize(
    ("words", "likelihood"),
    [
        (("data.binarize=0.5", "likelihood=bernoulli"), "Bernoulli"),
        (("likelihood=continuous_bernoulli",), "ContinuousBernoulli"),
        (("likelihood=gaussian_per_image",), "GaussianPerImage"),
        (("likelihood=categorical", "model=conv"), "Categorical"),
        (("model=ladder",), "Gaussian"),
    ],
)
def test_choices_that_have_a_forecast(
    betafront: Command, words: tuple[str, ...], likelihood: str
) -> None:
    found = answer(betafront, *words)
    assert found["likelihood"] == likelihood
    assert 3 < found["beta_live"] <= found["beta_c"]
    assert found["table"][0]["live"] == 16 if "ladder" in words[0] else 8
    linear = likelihood.startswith("Gaussian")
    assert ("distortion" in found["table"][0]) is linear


def test_a_picture(betafront: Command, own_place: Path) -> None:
    said = betafront("forecast", "--picture", "seen/forecast.png")
    assert said.code == 0, said.err
    picture = own_place / "seen/forecast.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in said.out.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("data=text", "data.limit=500"), "is sentences, and a forecast is of numbers"),
        (("likelihood=laplace",), "not curved downwards"),
        (("likelihood=bernoulli",), "likelihood=bernoulli is for binary data"),
        (("data=digts",), "digits"),
        (("--picture", "/proc/no/p.png"), "/proc/no"),
    ],
)
def test_what_cannot_be_forecast_is_one_line(
    betafront: Command, words: tuple[str, ...], said: str
) -> None:
    found = betafront("forecast", *words)
    assert found.code == 2
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_constant_images(betafront: Command, own_place: Path) -> None:
    np.save("same.npy", np.full((50, 4, 4), 0.5, np.float32))
    found = betafront("forecast", "data=tensor", "data.path=same.npy", "data.name=same")
    assert found.code == 2
    assert "are equal: nothing varies" in found.err


def test_a_controller_is_named(betafront: Command) -> None:
    found = answer(betafront, "controller=controlvae", "controller.target=5")
    assert any("controller sets β" in line for line in found["cautions"])
    said = betafront("forecast", "controller=controlvae", "controller.target=5").out
    assert "objective.weight=" not in said
    assert "betafront train controller=controlvae" in said


def test_the_function_makes_the_same(betafront: Command) -> None:
    found = bf.forecast(data="digits", model={"latents": 8}, normalisation="mean")
    assert found.to_json() == answer(betafront, "normalisation=mean")
    assert "β_c" in repr(found)
    assert "<table" in found._repr_html_()


def test_it_needs_no_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pytorch_lightning", "optuna", "mlflow"):
        monkeypatch.setitem(sys.modules, library, None)  # importing it fails
    assert bf.forecast(data="digits").beta_c > 9
