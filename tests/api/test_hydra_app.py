"""The Hydra application."""

import pytest
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from betafront.api.hydra_app import main


def test_a_sweep_has_the_configuration_that_the_application_composes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Plugins.instance()  # which imports the module anew
    from hydra_plugins.betafront_sweeper.sweeper import BetafrontSweeper

    had: list[tuple[DictConfig, list[str]]] = []

    def sweep(sweeper: BetafrontSweeper, arguments: list[str]) -> None:
        assert sweeper.config is not None
        had.append((sweeper.config, arguments))

    monkeypatch.setattr(BetafrontSweeper, "sweep", sweep)
    words = ["study=weighting", "normalisation=sum,mean"]
    main(["--multirun", *words])
    main(["-m", *words, "hydra.mode=MULTIRUN"])  # by Hydra's own way
    (config, of_sweep), (composed, of_application) = had
    assert of_sweep == of_application == words
    assert OmegaConf.to_yaml(config) == OmegaConf.to_yaml(composed)
    assert config.hydra.job.name == "hydra_app"
