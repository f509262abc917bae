"""A trial's model: in this process, or as a folder that needs neither study nor data."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from betafront.addresses import SQLITE
from betafront.api.member import member, member_config
from betafront.api.place import Place, place_at
from betafront.api.trained_run import about
from betafront.config.saved import (
    saved_config,
    saved_model,
    saved_run,
    targets_to_load,
    write_config,
)
from betafront.config.trust import Wall, argument
from betafront.errors import UserError
from betafront.files import can_write, write_whole, written_whole
from betafront.models import PROGRAMS, write_programs
from betafront.study.results.read import Results
from betafront.study.trials.origin import existing
from betafront.study.trials.replicates import every_run
from betafront.trained import ABOUT, Trained
from betafront.training.folder import RunFolder
from betafront.training.result import Result
from betafront.training.writing import write_weights

LOAD = "load.py"
LOADER = '''"""Reads the model beside it. Needs betafront, and neither the study nor its data."""

from pathlib import Path

import betafront

model = betafront.load(Path(__file__).parent{trust})
# z = model.encode(x); x = model.decode(z)
# model.reconstruct(x); model.sample(16, seed=0)

if __name__ == "__main__":
    print(model.about["study"], "trial", model.about["trial"], model.about["metrics"])
'''


@dataclass(frozen=True)
class Exported:
    """A model that was written into a folder.

    Attributes:
        folder: the folder.
        place: where it is in the study.
        result: of its run; of the member of a family what is known of that.
        trust: what follows the folder in a call of `betafront.load`.
    """

    folder: Path
    place: Place
    result: Result
    trust: str


def trained_model(found: Results, at: str | int, wall: Wall | None = None) -> Trained:
    """The model of a trial, as `betafront.load` gives one that was exported.

    Args:
        found: the study.
        at: as in `betafront.api.place.place_at`.
        wall: what the configuration of its run may name; None for what a command takes.

    Raises:
        UserError: there is no such trial, or the files of its run are gone.
    """
    place = place_at(found, at)
    folder = run_folder(found, place.trial)
    made = saved_run(folder, wall)
    model = saved_model(folder, made.vae()).eval()
    vae, result = member(Result.load(folder), made, model, place.beta)
    return Trained(vae, about(result, made, vae, study=found.spec.name, trial=place.trial))


def export(
    found: Results,
    at: str | int,
    to: Path | None,
    torch_export: bool = False,
    wall: Wall | None = None,
) -> Exported:
    """Write the model of a trial into a folder: its weights, configuration and preparation.

    Args:
        found: the study.
        at: as in `betafront.api.place.place_at`.
        to: the folder; None is one below the study's.
        torch_export: write the encoder and the decoder as programs of `torch.export` too.
        wall: as in `trained_model`.

    Raises:
        UserError: there is no such point, or the files of its run are gone.
    """
    place = place_at(found, at)
    folder = run_folder(found, place.trial)
    made = saved_run(folder, wall)
    model = saved_model(folder, made.vae())  # what cannot be read is not exported
    vae, result = member(Result.load(folder), made, model, place.beta)
    where = _writable(to or found.folder / "export" / _folder_name(at))
    where.mkdir(parents=True, exist_ok=True)
    for left in (ABOUT, *PROGRAMS):  # of a model that was there before
        (where / left).unlink(missing_ok=True)
    if torch_export:
        write_programs(vae, made.data.shape, where)
    if vae is model:
        _copy(RunFolder(folder), RunFolder(where))
    else:
        write_weights(vae, RunFolder(where))
        write_config(member_config(saved_config(folder)), RunFolder(where))
    trust = argument(Wall().lacking(targets_to_load(saved_config(where))))
    write_whole(where / LOAD, LOADER.replace("{trust}", trust))
    told = about(result, made, vae, study=found.spec.name, trial=place.trial)
    write_whole(where / ABOUT, json.dumps(told, indent=1, ensure_ascii=False))
    return Exported(where, place, result, trust)


def _copy(run: RunFolder, copy: RunFolder) -> None:
    for source, target in ((run.model, copy.model), (run.config, copy.config)):
        with written_whole(target) as part:
            shutil.copy2(source, part)


def registered(
    found: Results, exported: Exported, name: str, at: str, study: Any
) -> tuple[str, list[tuple[str, str]]]:
    """Make an exported model a version of a model in MLflow's registry.

    Args:
        found: the study.
        exported: the model.
        name: of the model in the registry.
        at: the point of the front that it is, for the alias.
        study: Optuna's.

    Returns:
        its address; and the variables that must be set to load it, with their values.

    Raises:
        UserError: MLflow does not take it.
    """
    from betafront.tracking.registry import register

    copy = RunFolder(exported.folder)
    rest = [exported.folder / name for name in (LOAD, ABOUT, *PROGRAMS)]
    files = [path for path in (copy.model, copy.config, *rest) if path.is_file()]
    address, uri = register(study, found.spec, files, exported.place.text, name, _alias(at))
    needs = [] if uri.startswith(SQLITE) else [("MLFLOW_TRACKING_URI", uri)]
    return address, needs


def run_folder(found: Results, number: int) -> Path:
    """The folder of the first run of a trial."""
    (run, *_) = every_run(existing(found.trials, number), found.trials)
    return found.folder / run.folder


def _folder_name(at: str | int) -> str:
    return f"trial-{at}" if isinstance(at, int) else re.sub(r"[=,]\s*", "-", at)


def _alias(at: str) -> str:
    """`knee`, `elbo-best`, `trial-7`, `beta-0-7`: an alias has letters, digits, _ and - alone."""
    plain = re.sub(r"[^\w-]", "-", at, flags=re.ASCII)
    return (
        plain
        if at.startswith(("knee", "trial=", "beta=", "affordable", "rate"))
        else f"{plain}-best"
    )


def _writable(folder: Path) -> Path:
    if not can_write(folder):
        raise UserError(f"{folder} cannot be written: name another folder with --to FOLDER")
    return folder
