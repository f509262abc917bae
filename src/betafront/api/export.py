"""A trial's model: in this process, or as a folder that needs neither study nor data."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from betafront.addresses import SQLITE
from betafront.api.trained_run import about
from betafront.config.saved import saved_config, saved_model, saved_run, targets_to_load
from betafront.config.trust import Wall, argument
from betafront.errors import UserError
from betafront.files import can_write, write_whole, written_whole
from betafront.front.decision import points
from betafront.models import PROGRAMS, write_programs
from betafront.study.results.read import Results
from betafront.study.trials.origin import existing
from betafront.study.trials.replicates import every_run
from betafront.trained import ABOUT, Trained
from betafront.training.folder import RunFolder
from betafront.training.result import Result

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
        trial: the number of its trial.
        result: of its run.
        trust: what follows the folder in a call of `betafront.load`.
    """

    folder: Path
    trial: int
    result: Result
    trust: str


def trained_model(found: Results, at: str | int, wall: Wall | None = None) -> Trained:
    """The model of a trial, as `betafront.load` gives one that was exported.

    Args:
        found: the study.
        at: a number, or as in `number_at`.
        wall: what the configuration of its run may name; None for what a command takes.

    Raises:
        UserError: there is no such trial, or the files of its run are gone.
    """
    number = number_at(found, at)
    folder = run_folder(found, number)
    result, made = Result.load(folder), saved_run(folder, wall)
    vae = saved_model(folder, made.vae()).eval()
    return Trained(vae, about(result, made, vae, study=found.spec.name, trial=number))


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
        at: as in `number_at`.
        to: the folder; None is one below the study's.
        torch_export: write the encoder and the decoder as programs of `torch.export` too.
        wall: as in `trained_model`.

    Raises:
        UserError: there is no such point, or the files of its run are gone.
    """
    number = number_at(found, at)
    folder = run_folder(found, number)
    result, made = Result.load(folder), saved_run(folder, wall)
    vae = saved_model(folder, made.vae())  # what cannot be read is not exported
    where = _writable(to or found.folder / "export" / _folder_name(at))
    where.mkdir(parents=True, exist_ok=True)
    for left in (ABOUT, *PROGRAMS):  # of a model that was there before
        (where / left).unlink(missing_ok=True)
    if torch_export:
        write_programs(vae, made.data.shape, where)
    made_of, copy = RunFolder(folder), RunFolder(where)
    for source, target in ((made_of.model, copy.model), (made_of.config, copy.config)):
        with written_whole(target) as part:
            shutil.copy2(source, part)
    trust = argument(Wall().lacking(targets_to_load(saved_config(where))))
    write_whole(where / LOAD, LOADER.replace("{trust}", trust))
    told = about(result, made, vae, study=found.spec.name, trial=number)
    write_whole(where / ABOUT, json.dumps(told, indent=1, ensure_ascii=False))
    return Exported(where, number, result, trust)


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
    address, uri = register(study, found.spec, files, exported.trial, name, _alias(at))
    needs = [] if uri.startswith(SQLITE) else [("MLFLOW_TRACKING_URI", uri)]
    return address, needs


def run_folder(found: Results, number: int) -> Path:
    """The folder of the first run of a trial."""
    (run, *_) = every_run(existing(found.trials, number), found.trials)
    return found.folder / run.folder


def number_at(found: Results, at: str | int) -> int:
    """The number of a finished trial.

    Args:
        found: the study.
        at: a number, `trial=N`, `knee`, `elbo`, or the name of what is maximised.

    Raises:
        UserError: there is no such trial, or no such point.
    """
    name, rows = found.spec.name, found.table
    if rows.empty:
        raise UserError(f"no trial of {name} has finished: there is nothing to export")
    text = str(at).removeprefix("trial=")
    if isinstance(at, int) or at.startswith("trial="):
        number = int(text) if text.isdecimal() else -1
        if number not in set(rows["trial"]):
            raise UserError(f"{name} has no finished trial {text}")
        return number
    named = {short_name(a.name): a.trial for a in points(rows, found.facts, found.runs)}
    if at not in named:
        there = ", ".join([*named, "trial=N"])
        raise UserError(f"{name} has no point '{at}' to export: there is {there}")
    return named[at]


def is_a_point(at: str | int) -> bool:
    """Whether it names a point of the front, and no trial by its number."""
    return not isinstance(at, int) and not at.startswith("trial=")


def short_name(name: str) -> str:
    """`elbo` of `best ELBO`."""
    return name.removeprefix("best ").lower().replace(" ", "-")


def _folder_name(at: str | int) -> str:
    return f"trial-{at}" if isinstance(at, int) else at.replace("=", "-")


def _alias(at: str) -> str:
    """`knee`, `elbo-best`, `trial-7`: an alias has letters, digits, _ and - alone."""
    plain = re.sub(r"[^\w-]", "-", at, flags=re.ASCII)
    return plain if at.startswith(("knee", "trial=", "affordable", "rate")) else f"{plain}-best"


def _writable(folder: Path) -> Path:
    if not can_write(folder):
        raise UserError(f"{folder} cannot be written: name another folder with --to FOLDER")
    return folder
