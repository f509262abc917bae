"""`betafront train --trial N`: a trial of a study again, and whether the numbers are the same."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from betafront import recipe
from betafront.errors import UserError
from betafront.front import console
from betafront.single import train_and_show
from betafront.study.records import row, state
from betafront.study.worker import trial_folder

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.spec import Spec


def rerun(study: "Study", spec: "Spec", number: int) -> None:
    """Train trial `number` once more, beside the study, and compare what came of it.

    Raises:
        UserError: there is no such finished trial, its configuration is gone, or the numbers differ
            from those of the study.
    """
    stored = _metrics(study, spec, number)
    path = Path(spec.folder) / trial_folder(number) / recipe.CONFIG
    if not path.is_file():
        raise UserError(f"the configuration of trial {number} is gone: {path} is missing")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    run = recipe.build(config)
    recipe.check(run)
    folder = Path(spec.folder).parent / "train" / time.strftime("%Y-%m-%d_%H-%M-%S")
    recipe.save(config, folder)
    result = train_and_show(run, folder)
    other = [name for name in stored if result.metrics.get(name) != stored[name]]
    if other:
        name = other[0]
        raise UserError(
            f"{len(other)} of {len(stored)} numbers differ from those of trial {number}, as "
            f"{name}: {stored[name]!r} then, {result.metrics.get(name)!r} now (another machine, "
            "device, version of torch or number of threads?)"
        )
    console().print(
        f"All {len(stored)} numbers are those of trial {number} of {spec.name}, bit for bit."
    )


def _metrics(study: "Study", spec: "Spec", number: int) -> dict[str, float]:
    trials = study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        raise UserError(f"{spec.name} has no trial {number}: they go from 0 to {len(trials) - 1}")
    trial = trials[number]
    if state(trial) != "complete":
        raise UserError(f"trial {number} of {spec.name} is not complete, but {state(trial)}")
    return {key: value for key, value in row(trial).items() if key.startswith(("val/", "test/"))}
