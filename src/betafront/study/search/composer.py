"""Composing trials: Hydra once for each set of choices, and the values set on a copy.

Hydra reads and merges every file for every composition, which takes longer than a short trial.
"""

from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf, open_dict

from betafront.study.search.grammar import bare, parse


class Composer:
    """Composes the trials of one study.

    Args:
        loader: Hydra's.
        config: composed for a multirun.
        fixed: overrides that hold for every trial.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig, fixed: list[str]) -> None:
        self.loader = loader
        self.config = config
        self.fixed = fixed
        self._made: dict[tuple[str, ...], DictConfig] = {}
        self._groups: dict[str, bool] = {}

    def __call__(self, overrides: list[str]) -> DictConfig:
        """What Hydra makes of the fixed overrides and these, without its own node.

        Raises:
            HydraException, OmegaConfBaseException: they do not compose.
        """
        # Which keys are there depends on the choices of groups alone.
        keys = tuple(o if self._is_group(_key(o)) else _key(o) for o in overrides)
        if keys not in self._made:
            made = self.loader.load_sweep_config(self.config, [*self.fixed, *overrides])
            with open_dict(made):
                del made["hydra"]
            self._made[keys] = made
        config = self._made[keys].copy()
        with open_dict(config):
            for text, key in zip(overrides, keys, strict=True):
                if text != key:
                    OmegaConf.update(config, bare(key), _value(text))
        return config

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            group = bare(key).partition("@")[0]
            self._groups[key] = bool(self.loader.get_group_options(group))
        return self._groups[key]


def _key(override: str) -> str:
    return override.partition("=")[0]


def _value(override: str) -> Any:
    (parsed,) = parse([override])
    return parsed.value()
