"""`betafront export`: a point of the front as a folder that needs neither study nor data."""

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.addresses import SQLITE
from betafront.config.saved import saved_config, saved_model, saved_run, targets_to_load
from betafront.config.trust import Wall, argument
from betafront.errors import UserError
from betafront.files import can_write, write_whole, written_whole
from betafront.front import refusal
from betafront.front.decision import points
from betafront.models import PROGRAMS, write_programs
from betafront.study.lookup import find_study
from betafront.study.results.added_metrics import additions
from betafront.study.results.table import facts, runs_table, table
from betafront.study.trials.origin import existing
from betafront.study.trials.replicates import every_run
from betafront.terminal import console, print_next
from betafront.tracking.address import uri_of
from betafront.tracking.errors import check_can_write
from betafront.tracking.registry import check_name, register
from betafront.trained import ABOUT
from betafront.training.folder import RunFolder
from betafront.training.result import Result

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.spec import Spec

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


def export(
    name: str | None,
    at: str,
    to: Path | None,
    register_as: str | None = None,
    torch_export: bool = False,
) -> Path:
    """Write the model of a trial into a folder: its weights, configuration and preparation.

    Args:
        name: of the study; None for the newest.
        at: `knee`, `elbo`, or `trial=N`.
        to: the folder; None is one below the study's.
        register_as: the name of a model in MLflow's registry of which it becomes a version.
        torch_export: write the encoder and the decoder as programs of `torch.export` too.

    Raises:
        UserError: there is no such point, the files of its run are gone, or MLflow does not take
            it.
    """
    if register_as is not None:
        check_name(register_as)
    if to is not None and to.exists() and not to.is_dir():
        raise UserError(f"--to {to} is a file: name a folder, which is made if it is not there")
    study, spec = find_study(name)
    if register_as is not None:
        check_can_write(uri_of(spec))
    trials = study.get_trials(deepcopy=False)
    number = _number(at, study, spec)
    (run, *_) = every_run(existing(trials, number), trials)
    folder = Path(spec.folder) / run.folder
    result, made = Result.load(folder), saved_run(folder)
    vae = saved_model(folder, made.vae())  # what cannot be read is not exported
    where = _writable(to or Path(spec.folder) / "export" / at.replace("=", "-"))
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
    about: dict[str, Any] = {
        "study": spec.name,
        "trial": number,
        "seed": result.seed,
        "scale": result.scale.written(),
        "metrics": result.metrics,
        "data": result.data,
        "log_volume": made.data.log_volume,
        "latent_shape": list(vae.latent_shape),
        "preparation": made.data.preparation.as_json(),
    }
    write_whole(where / ABOUT, json.dumps(about, indent=1, ensure_ascii=False))
    out = console()
    out.print(
        f"Trial {number} of {spec.name}: β = {result.scale.beta:.4g}, D = "
        f"{result.metrics['val/distortion']:.2f}, R = {result.metrics['val/rate']:.2f} nats."
    )
    shown: list[tuple[str, str | Path]] = [
        ("folder", where),
        ("in Python", f"betafront.load({str(where)!r}{trust}).sample(16)"),
    ]
    if register_as is not None:
        rest = [where / name for name in (LOAD, ABOUT, *PROGRAMS)]
        own = [copy.model, copy.config, *rest]
        files = [path for path in own if path.is_file()]
        address, uri = register(study, spec, files, number, register_as, _alias(at))
        shown += [("registered", address), ("in Python", f"betafront.load({address!r}{trust})")]
        if not uri.startswith(SQLITE):
            shown.append(("with", f"MLFLOW_TRACKING_URI={uri}"))
    print_next(shown, out)
    return where


def _writable(folder: Path) -> Path:
    if not can_write(folder):
        raise UserError(f"{folder} cannot be written: name another folder with --to FOLDER")
    return folder


def _number(at: str, study: "Study", spec: "Spec") -> int:
    trials = study.get_trials(deepcopy=False)
    rows = table(trials, additions(study.user_attrs))
    if rows.empty:
        raise UserError(f"no trial of {spec.name} has finished: there is nothing to export")
    if at.startswith("trial="):
        text = at.removeprefix("trial=")
        number = int(text) if text.isdecimal() else -1
        if number not in set(rows["trial"]):
            raise UserError(f"{spec.name} has no finished trial {text}")
        return number
    known, runs = facts(spec, trials), runs_table(trials)
    named = {_short(a.name): a.trial for a in points(rows, known, runs)}
    if at not in named:
        there = ", ".join([*named, "trial=N"])
        raise UserError(f"{spec.name} has no point '{at}' to export: there is {there}")
    if why := refusal(rows, known, runs):
        console().print(why, markup=False, soft_wrap=True)
    return named[at]


def _alias(at: str) -> str:
    """`knee`, `elbo-best`, `trial-7`: an alias has letters, digits, _ and - alone."""
    plain = re.sub(r"[^\w-]", "-", at, flags=re.ASCII)
    return plain if at.startswith(("knee", "trial=", "affordable", "rate")) else f"{plain}-best"


def _short(name: str) -> str:
    return name.removeprefix("best ").lower().replace(" ", "-")
