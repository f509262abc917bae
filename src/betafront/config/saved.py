"""What a run left in its folder: its configuration and its trained model."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from betafront.config.build import build
from betafront.errors import UserError
from betafront.models import Model
from betafront.training.folder import RunFolder
from betafront.training.run import Run


def saved_config(folder: Path) -> DictConfig:
    """The configuration of a run.

    Raises:
        UserError: it is gone.
    """
    path = RunFolder(folder).config
    if not path.is_file():
        raise UserError(f"the configuration of the run is gone: {path} is missing")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return config


def saved_model(folder: Path, vae: Model) -> Model:
    """`vae` with the weights of a run.

    Raises:
        UserError: they are gone, or of another model.
    """
    from safetensors.torch import load_file

    path = RunFolder(folder).model
    if not path.is_file():
        raise UserError(f"the model of the run is gone: {path} is missing")
    try:
        vae.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise UserError(f"{path} holds the weights of another model") from error
    return vae


def saved_run(folder: Path, **parts: Any) -> Run:
    """A run as it was composed, but for `parts`, nodes of its configuration that are replaced.

    Raises:
        UserError: its configuration is gone, or cannot be made.
    """
    config = saved_config(folder)
    for name, node in parts.items():
        config[name] = node
    return build(config)
