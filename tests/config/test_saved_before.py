"""A configuration that an earlier version saved is the same where only newer settings differ."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from betafront.config.build import model
from betafront.config.compose import compose
from betafront.config.saved import save, saved_config, saved_run
from betafront.errors import UserError
from betafront.training.folder import RunFolder

WORDS = ("data=sprites_small", "likelihood=bernoulli", "metrics=disentanglement")
NEWER = (
    "metrics.further.mig.estimator",
    "metrics.further.dci.standard_errors",
    "trainer.keep",
    "trainer.clip_norm",
    "objective.draws",
)


def saved_before(folder: Path, **changed: Any) -> None:
    """What an earlier version left of a run that was stopped."""
    save(compose(WORDS), folder)
    place = RunFolder(folder)
    config = OmegaConf.load(place.config)
    for key in NEWER:
        part, _, name = key.rpartition(".")
        del OmegaConf.select(config, part)[name]
    del config["prior"]  # which was N(0, 1)
    for key, value in changed.items():
        OmegaConf.update(config, key, value)
    place.config.write_text(OmegaConf.to_yaml(config))
    place.checkpoint.write_bytes(b"stopped")


def test_a_stopped_run_goes_on_where_only_newer_settings_differ(tmp_path: Path) -> None:
    saved_before(tmp_path)
    save(compose(WORDS), tmp_path)
    assert OmegaConf.load(RunFolder(tmp_path).config).metrics.further.mig.estimator == "neighbours"


def test_a_configuration_of_before_has_one_draw(tmp_path: Path) -> None:
    saved_before(tmp_path)
    assert "draws" not in saved_config(tmp_path).objective
    assert saved_run(tmp_path).objective((8,)).draws == 1
    save(compose([*WORDS, "objective.draws=4"]), tmp_path / "now")
    assert saved_run(tmp_path / "now").objective((8,)).draws == 4


def test_a_stopped_run_does_not_go_on_with_a_newer_setting_that_was_set(tmp_path: Path) -> None:
    saved_before(tmp_path)
    with pytest.raises(UserError, match="with other settings"):
        save(compose([*WORDS, "trainer.clip_norm=1.0"]), tmp_path)


def test_a_stopped_run_does_not_go_on_with_another_prior(tmp_path: Path) -> None:
    saved_before(tmp_path)
    with pytest.raises(UserError, match="with other settings"):
        save(compose([*WORDS, "prior=gaussian"]), tmp_path)


def test_a_model_of_before_has_the_prior_that_it_had(tmp_path: Path) -> None:
    saved_before(tmp_path)
    assert model(saved_config(tmp_path), (1, 32, 32)).factorised


def test_a_stopped_run_with_another_setting_is_left_alone(tmp_path: Path) -> None:
    saved_before(tmp_path, **{"metrics.further.dci.trees": 5})
    with pytest.raises(UserError, match="with other settings"):
        save(compose(WORDS), tmp_path)
