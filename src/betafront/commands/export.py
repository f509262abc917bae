"""`betafront export`: a point of the front as a folder that needs neither study nor data."""

from pathlib import Path

from betafront.api.export import export as write
from betafront.api.export import registered
from betafront.api.place import is_a_point
from betafront.errors import UserError
from betafront.front import refusal
from betafront.study.lookup import find_study
from betafront.study.results.read import read
from betafront.terminal import console, print_careful, print_next
from betafront.tracking.address import uri_of
from betafront.tracking.errors import check_can_write
from betafront.tracking.registry import check_name
from betafront.training.standing import UNSETTLED


def export(
    name: str | None,
    at: str,
    to: Path | None,
    register_as: str | None = None,
    torch_export: bool = False,
) -> Path:
    """Write the model of a trial into a folder, and say where.

    Args:
        name: of the study; None for the newest.
        at: as in `betafront.api.place.place_at`.
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
    found, out = read(study, spec), console()
    made = write(found, at, to, torch_export)
    if is_a_point(at) and (why := refusal(found.table, found.facts, found.runs)):
        out.print(why, markup=False, soft_wrap=True)
    result = made.result
    out.print(
        f"Trial {made.place.trial} of {spec.name}: β = {result.scale.beta:.4g}, D = "
        f"{result.metrics['val/distortion']:.2f}, R = {result.metrics['val/rate']:.2f} nats."
    )
    stands = result.standing
    if stands is not None and stands.state in UNSETTLED:
        print_careful([f"That run is {stands.state}: {stands.reason}."], out)
    shown: list[tuple[str, str | Path]] = [
        ("folder", made.folder),
        ("in Python", f"betafront.load({str(made.folder)!r}{made.trust}).sample(16)"),
    ]
    if register_as is not None:
        address, needs = registered(found, made, register_as, at, study)
        shown += [
            ("registered", address),
            ("in Python", f"betafront.load({address!r}{made.trust})"),
        ]
        shown += [("with", f"{variable}={value}") for variable, value in needs]
    print_next(shown, out)
    return made.folder
