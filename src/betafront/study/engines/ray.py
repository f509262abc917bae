"""Workers as tasks of a Ray cluster that is running already."""

import os
import signal
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.hydra_ray_launcher.ray_launcher import RayLauncher
from omegaconf import OmegaConf

from betafront.errors import UserError, one_line

ANSWER_SECONDS = 5.0
WAY_OUT = "`ray start --head` starts one here; hydra.launcher.ray.init.address names another"


class RayCluster(RayLauncher):  # type: ignore[misc]
    """The launcher of hydra-ray-launcher. It first checks that the cluster answers: Ray itself
    tries for ever to reach a cluster that is not there.

    Args:
        ray: the settings of `conf/hydra/launcher/ray.yaml`.

    Raises:
        UserError: the cluster does not answer.
    """

    def __init__(self, ray: Any) -> None:
        address = str(ray.init.address)
        known = _of_this_machine() if address == "auto" else address
        if known is not None:
            _check_answers(known)
        super().__init__(ray)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        import ray

        _connect(OmegaConf.to_container(self.ray_cfg.init, resolve=True))
        try:
            returns: Sequence[JobReturn] = super().launch(job_overrides, initial_job_idx)
        except KeyboardInterrupt:
            ray.shutdown()  # ends the tasks, so that their trials are found to be lost
            raise
        return returns


def _connect(settings: Any) -> None:
    """Join the cluster, and keep our handler of SIGTERM: Ray's would end the process at once.

    Raises:
        UserError: there is no cluster.
    """
    import ray

    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**settings, ignore_reinit_error=True)
    except ConnectionError as error:
        raise UserError(f"no Ray cluster runs here ({one_line(error)[:150]}): {WAY_OUT}") from error
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)


def _of_this_machine() -> str | None:
    """The address of this machine's cluster; None where only Ray can find it out."""
    if (address := os.environ.get("RAY_ADDRESS", "auto")) != "auto":
        return address
    place = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray/ray_current_cluster"
    return place.read_text().strip() if place.is_file() else None


def _check_answers(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise UserError(f"no Ray cluster answers at {address} ({error}): {WAY_OUT}") from error
