"""Real engines for tests, on this machine."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from tests.support.patience import PATIENCE
from tests.support.servers import HOST, free_port


class RayCluster(contextlib.AbstractContextManager["RayCluster"]):
    """A Ray cluster of two nodes, each a process whose children are the node.

    Args:
        folder: for the nodes' logs.
        cpus: of each node.
    """

    def __init__(self, folder: Path, cpus: int = 2) -> None:
        self.address = f"{HOST}:{free_port()}"
        port = self.address.rpartition(":")[2]
        self._folder = folder
        self._common = [
            f"--node-ip-address={HOST}", f"--num-cpus={cpus}", "--disable-usage-stats", "--block",
            "--object-store-memory=100000000",
        ]  # fmt: skip
        self.nodes: list[psutil.Process] = []
        try:
            self._start("--head", f"--port={port}", "--include-dashboard=false")
            self._start(f"--address={self.address}")
        except BaseException:
            self.stop()
            raise

    def kill(self, number: int) -> None:
        """Everything of a node at once, as if its machine were switched off."""
        node = self.nodes[number]
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [*node.children(recursive=True), node]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    def stop(self) -> None:
        """Kill all nodes."""
        for number in range(len(self.nodes)):
            self.kill(number)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, *how: str) -> None:
        """Start a node, and wait until it says so."""
        log = self._folder / f"ray-{len(self.nodes)}.log"
        ray = str(Path(sys.executable).with_name("ray"))
        with log.open("wb") as out:
            node: Any = subprocess.Popen(
                [ray, "start", *how, *self._common],
                # Its workers are nice to others by default, and beside other tests would not train.
                env=os.environ | {"RAY_worker_niceness": "0"},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.nodes.append(psutil.Process(node.pid))
        end = time.monotonic() + PATIENCE
        while "Ray runtime started" not in log.read_text(errors="replace"):
            if node.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Ray does not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
