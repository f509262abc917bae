"""The plan of a sweep, read as its command reads it."""

import hydra
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.types import HydraContext, RunMode

from betafront.config.compose import NAME, VERSION_BASE
from betafront.shipped import conf_dir
from betafront.study.plan import Plan, read_plan


def plan_of(*words: str) -> Plan:
    """The plan of a sweep with these words, before anything was made."""
    every = list(words)
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration(NAME, every, run_mode=RunMode.MULTIRUN)
    return read_plan(HydraContext(loader, Callbacks()), config, every)
