"""The Hydra application."""

from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from betafront.api import hydra_app
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
    composed: list[DictConfig] = []
    load = ConfigLoaderImpl.load_configuration

    def counted(*given: Any, **settings: Any) -> DictConfig:
        composed.append(load(*given, **settings))
        return composed[-1]

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    words = ["study=weighting", "normalisation=sum,mean"]
    main(["--multirun", *words])
    assert len(composed) == 1
    main(["-m", *words, "hydra.mode=MULTIRUN"])  # by Hydra's own way
    (config, of_sweep), (by_hydra, of_application) = had
    assert of_sweep == of_application == words
    assert OmegaConf.to_yaml(config) == OmegaConf.to_yaml(by_hydra)
    assert config.hydra.job.name == "hydra_app"


def test_a_run_has_the_configuration_that_the_application_composes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    had: list[tuple[Any, ...]] = []

    def train(config: DictConfig, folder: Path, words: list[str]) -> tuple[None, None]:
        of_hydra = OmegaConf.to_yaml(OmegaConf.create({"hydra": HydraConfig.get()}))
        had.append((OmegaConf.to_yaml(config), folder, list(words), of_hydra))
        return None, None

    monkeypatch.setattr(hydra_app, "train_composed", train)
    words = ["trainer.steps=7", "model=conv", "hydra.run.dir=here"]
    main(words)
    main([*words, "hydra.mode=RUN"])  # by Hydra's own way
    assert had[0] == had[1]
    assert had[0][1:3] == (Path("here").absolute(), words[:2])
