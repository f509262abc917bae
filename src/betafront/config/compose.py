"""Composing configurations: this module alone asks Hydra for one.

Hydra reads and merges every file for each composition, which takes longer than a short trial. Which
files those are follows from the choices of groups alone, so a study has one composition for each
set of choices that its trials make, and values are set on a copy of it.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from betafront.config.complete import NEEDED, check_parts
from betafront.config.explain import explain, known_keys
from betafront.config.overrides import parse
from betafront.errors import UserError
from betafront.shipped import conf_dir

NAME = "betafront"  # of the configuration that all others are merged into
# Hydra 1.3 warns where it is left out, 1.4 where it is given.
VERSION_BASE = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}


class Composer:
    """Composes the configurations of one study. What it has composed goes with it where it is
    pickled, so a worker composes no set of choices again.

    Args:
        loader: Hydra's.
        config: composed for a multirun.
        fixed: overrides that hold for every trial.
        defaults: other defaults of settings, in place of those of today: each as what it is to be,
            and what it is today (`betafront.config.former`).
    """

    def __init__(
        self,
        loader: ConfigLoader,
        config: DictConfig,
        fixed: Sequence[str],
        defaults: Mapping[str, tuple[Any, Any]] | None = None,
    ) -> None:
        self.loader = loader
        self.config = config
        self.fixed = list(fixed)
        given = {override.key_or_group for override in parse(fixed)} if defaults else set()
        self.defaults = {k: v for k, v in (defaults or {}).items() if k not in given}
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._groups: dict[str, bool] = {}
        self._in_force: dict[str, Any] = {}  # the choices of the fixed overrides alone

    def base(self) -> DictConfig:
        """The configuration of the fixed overrides alone, with Hydra's own node.

        Raises:
            UserError: they do not compose; the key or choice and its near miss are named.
        """
        of_the_command = self.fixed == _plain_words(self.config)
        config = self.config if of_the_command else self._compose([])
        check_parts(config, NEEDED)
        self._composed[()] = self._with_defaults(_without_hydra(config.copy()))
        self._in_force = dict(config.hydra.runtime.choices)
        return config

    def __call__(self, overrides: Sequence[str]) -> DictConfig:
        """What Hydra makes of the fixed overrides and these, without its own node.

        Raises:
            UserError: they do not compose; the key or choice and its near miss are named.
        """
        parsed = parse(overrides)
        chosen = [o for o in parsed if not self._is_value(o)]
        others = [] if all(map(self._is_in_force, chosen)) else chosen
        choices = tuple(str(o.input_line) for o in others)
        if choices not in self._composed:
            self._composed[choices] = self._with_defaults(_without_hydra(self._compose(choices)))
        config = self._composed[choices].copy()
        try:
            for override in filter(self._is_value, parsed):
                _set(config, override)
        except (ValueError, OmegaConfBaseException):
            return _without_hydra(self._compose(overrides))  # Hydra says what is wrong
        return config

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        try:
            return self.loader.load_sweep_config(self.config, [*self.fixed, *overrides])
        except Exception as error:  # of many kinds: `is_of_composition`
            words = [*self.fixed, *overrides]
            line = explain(error, lambda: list(known_keys(self.config)), words)
            raise UserError(line) from error

    def _with_defaults(self, config: DictConfig) -> DictConfig:
        missing = object()
        for key, (value, today) in self.defaults.items():
            if OmegaConf.select(config, key, default=missing) == today:
                OmegaConf.update(config, key, value)
        return config

    def _is_value(self, override: Override) -> bool:
        """Whether an override sets a value, and so has no part in which files are merged."""
        if override.is_delete() or override.package is not None:
            return False
        return isinstance(override.value(), dict) or not self._is_group(override.key_or_group)

    def _is_in_force(self, choice: Override) -> bool:
        """Whether the fixed overrides alone make the same choice."""
        plain = not (choice.is_add() or choice.is_force_add() or choice.is_delete())
        here = self._in_force.get(choice.key_or_group)
        return plain and choice.package is None and here is not None and choice.value() == here

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            named = "." not in key
            self._groups[key] = named and bool(self.loader.get_group_options(key))
        return self._groups[key]


def _plain_words(config: DictConfig) -> list[str]:
    """The words that a multirun was composed of: Hydra leaves its searches out."""
    words = list(config.hydra.overrides.task)
    return [w for w, o in zip(words, parse(words), strict=True) if not o.is_sweep_override()]


def loader_of_jobs(loader: ConfigLoader) -> ConfigLoader:
    """Hydra's loader as launchers are to have it. Each of their jobs asks it for the configuration
    of the sweep again, which is made of that of the sweep without composing."""
    found = copy.copy(loader)
    found.load_sweep_config = partial(_job_config, loader)  # type: ignore[method-assign]
    return found


def _job_config(loader: ConfigLoader, sweep: DictConfig, words: list[str]) -> DictConfig:
    """What `loader.load_sweep_config(sweep, words)` is."""
    # A choice that is missing, Hydra allows a sweep and no job.
    choices = sweep.hydra.runtime.choices
    is_missing = any(OmegaConf.is_missing(choices, group) for group in choices)
    if is_missing or list(words) != _plain_words(sweep):
        return loader.load_sweep_config(sweep, words)
    config = copy.deepcopy(sweep)
    OmegaConf.copy_cache(from_config=sweep, to_config=config)
    OmegaConf.set_readonly(config.hydra, False)  # Hydra 1.4 hands it to launchers read-only
    config.hydra.overrides.task = list(words)
    job = config.hydra.job
    if not OmegaConf.is_interpolation(job, "override_dirname"):  # as it is in Hydra 1.4
        job.override_dirname = _directory_name(words, job.config.override_dirname)
    return config


def _directory_name(words: Sequence[str], how: DictConfig) -> str:
    """The words as the name of a folder, as Hydra makes it."""
    overrides = zip(words, parse(words), strict=True)
    kept = sorted(w for w, o in overrides if o.key_or_group not in how.exclude_keys)
    return str(how.item_sep).join(kept).replace("=", str(how.kv_sep))


def _set(config: DictConfig, override: Override) -> None:
    """Set a value as Hydra sets it (`ConfigLoaderImpl._apply_overrides_to_config`).

    Raises:
        ValueError, OmegaConfBaseException: Hydra would refuse it.
    """
    key, value = override.key_or_group, override.value()
    there = OmegaConf.select(config, key, throw_on_missing=False) is not None
    if override.is_add() and there and not isinstance(value, dict | list):
        raise ValueError(f"{key} is there already")
    added = override.is_add() or override.is_force_add()
    OmegaConf.update(config, key, value, merge=True, force_add=added)


def _without_hydra(config: DictConfig) -> DictConfig:
    with open_dict(config):
        del config["hydra"]
    return config


def compose(words: Sequence[str]) -> DictConfig:
    """The configuration that `words` make outside of Hydra's application, with Hydra's own node.

    Raises:
        UserError: they do not compose; the key or choice and its near miss are named.
    """
    try:
        return _composed(words)
    except Exception as error:  # of many kinds: `is_of_composition`
        raise UserError(explain(error, lambda: keys_near(words), words)) from error


def multirun_config(words: Sequence[str]) -> DictConfig:
    """The configuration of a sweep, without its searches.

    Args:
        words: as on the command line, searches among them.

    Raises:
        UserError: they do not compose; the key or choice and its near miss are named.
    """
    try:
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
            loader = GlobalHydra.instance().config_loader()
            return loader.load_configuration(NAME, list(words), run_mode=RunMode.MULTIRUN)
    except Exception as error:  # of many kinds: `is_of_composition`
        raise UserError(explain(error, lambda: keys_near(words), words)) from error


def keys_near(words: Sequence[str]) -> list[str]:
    """The keys of the configuration with the choices of groups that `words` make, as far as those
    exist."""
    chosen = [word for word in words if re.fullmatch(r"[\w/@]+=(\w+|\[[\w,]*\])", word)]
    for choices in (chosen, []):
        try:
            return list(dict.fromkeys(known_keys(_composed(choices))))
        except Exception:  # of many kinds: `is_of_composition`
            continue
    return []


def _composed(words: Sequence[str]) -> DictConfig:
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        return hydra.compose(NAME, list(words), return_hydra_config=True)
