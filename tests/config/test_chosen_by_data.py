"""Data brings the likelihood and the model that it needs, and whoever names another is asked."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from betafront.config.build import build, check
from betafront.config.compose import compose
from betafront.config.saved import save
from betafront.errors import UserError
from betafront.training.folder import RunFolder

DATA = """
defaults:
  - override /model@_global_.model: linear
  - override /likelihood@_global_.likelihood: bernoulli

_target_: betafront.data.digits
name: mine
val: 0.2
test: 0.2
split_seed: 0
limit: 200
binarize: 0.5
"""
STUDY = """# @package _global_
defaults:
  - override /data: mine
  - override /likelihood: laplace
"""


@pytest.fixture(autouse=True)
def own_choices(own_place: Path) -> None:
    for name, text in (("conf/data/mine.yaml", DATA), ("studies/asked/study.yaml", STUDY)):
        path = own_place / name
        path.parent.mkdir(parents=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("words", "model", "likelihood"),
    [
        (["data=mine"], "linear", "Bernoulli"),
        (["model=mlp", "data=mine", "likelihood=gaussian"], "mlp", "Gaussian"),
        (["study=asked"], "linear", "Laplace"),
    ],
)
def test_what_is_named_comes_first_then_the_study_then_the_data(
    words: list[str], model: str, likelihood: str
) -> None:
    config: Any = compose(words)
    assert config.model._target_ == f"betafront.models.{model}"
    assert config.likelihood._target_ == f"betafront.objective.{likelihood}"


def test_a_run_whose_settings_were_saved_in_another_order_goes_on(tmp_path: Path) -> None:
    save(compose(["data=mine"]), tmp_path)
    place = RunFolder(tmp_path)
    config = OmegaConf.to_container(OmegaConf.load(place.config))
    assert isinstance(config, dict)
    former = {key: config[key] for key in sorted(config, key=lambda k: (k != "data", str(k)))}
    place.config.write_text(OmegaConf.to_yaml(OmegaConf.create(former)))
    place.checkpoint.write_bytes(b"stopped")
    save(compose(["data=mine"]), tmp_path)
    with pytest.raises(UserError, match="with other settings"):
        save(compose(["data=mine", "seed=1"]), tmp_path)


def test_models_and_likelihoods_of_sentences_are_refused_on_images() -> None:
    with pytest.raises(UserError, match=r"model=sentence is for sentences.* or model=mlp"):
        check(build(compose(["model=sentence"])))
    with pytest.raises(UserError, match="likelihood Words is for sentences"):
        check(build(compose(["likelihood=words"])))
