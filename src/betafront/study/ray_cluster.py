"""Workers as tasks of a Ray cluster that runs already."""

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from hydra_plugins.hydra_ray_launcher.ray_launcher import RayLauncher

from betafront.errors import UserError

ANSWER_SECONDS = 5.0
WAY_OUT = "`ray start --head` starts one here; hydra.launcher.ray.init.address names another"


class RayCluster(RayLauncher):  # type: ignore[misc]
    """The launcher of hydra-ray-launcher, once the cluster has been seen to be there: Ray itself
    tries for ever to reach one that is not.

    Args:
        ray: the settings of `conf/hydra/launcher/ray.yaml`.

    Raises:
        UserError: there is no cluster.
    """

    def __init__(self, ray: Any) -> None:
        address = str(ray.init.address)
        found = _of_this_machine() if address == "auto" else address
        if found is None:
            raise UserError(f"no Ray cluster runs on this machine: {WAY_OUT}")
        _check_answers(found)
        super().__init__(ray)


def _of_this_machine() -> str | None:
    """Where Ray looks for the cluster of this machine."""
    if address := os.environ.get("RAY_ADDRESS"):
        return address
    place = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray/ray_current_cluster"
    return place.read_text().strip() if place.is_file() else None


def _check_answers(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise UserError(f"no Ray cluster answers at {address} ({error}): {WAY_OUT}") from error
