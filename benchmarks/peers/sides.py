"""The sweeps that are compared, each in processes of its own: the same trials, so many times."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.same import BATCH, LEAST, MOST, WORKERS, warm_ups
from benchmarks.peers.watched import ROOT, watched

DATABASE = "studies.db"  # in the folder of each: Optuna's
OPTIMIZER = "defaults: [adam]\n_target_: benchmarks.peers.stamps.Stamped\n"


@dataclass
class Size:
    """What every side trains, and how much of it."""

    data: str
    trials: int
    steps: int
    model: str = "mlp"

    @property
    def data_folder(self) -> str:
        """Where the data is, its files unpacked, as torchvision reads them."""
        from betafront.data.sets.torchvision import unpacked

        folder = Path(os.environ.get("BETAFRONT_DATA_DIR", "data")).absolute()
        return str(unpacked(folder, "MNIST") if self.data == "mnist" else folder)

    def words(self, place: Path) -> list[str]:
        """As `trial.given` reads them."""
        return [
            str(place), "--data", self.data, "--data-folder", self.data_folder, "--model",
            self.model, "--trials", str(self.trials), "--steps", str(self.steps),
        ]  # fmt: skip


def betafront(place: Path, size: Size, launcher: str = "processes") -> dict[str, float]:
    """By betafront."""
    (place / "conf/optimizer").mkdir(parents=True)
    (place / "conf/optimizer/stamped.yaml").write_text(OPTIMIZER)
    words = [
        f"data={size.data}", f"model={size.model}", "optimizer=stamped",
        f"objective.weight=tag(log,interval({LEAST},{MOST}))", "schedule=constant,linear",
        f"trainer.steps={size.steps}", "trainer.accelerator=cpu",
        f"trainer.batch_size={BATCH[size.data]}", f"study.budget.trials={size.trials}",
        f"study.workers={WORKERS}", "study.name=own", f"hydra/launcher={launcher}",
    ]  # fmt: skip
    command = [sys.executable, "-m", "betafront", "sweep", *words]
    return watched(command, place, {"BETAFRONT_RUNS": str(place)})


def plain(place: Path, size: Size, tensors: bool = False) -> dict[str, float]:
    """By plain Optuna; with MNIST as tensors in memory, or as torchvision has it."""
    words = [*size.words(place), *(["--tensors"] if tensors else [])]
    return watched([sys.executable, "-m", "benchmarks.peers.plain", *words], place)


def hydra(packages: Path, place: Path, size: Size) -> dict[str, float]:
    """By Hydra's Optuna sweeper, whose packages are in a folder (`hydra_sweeper.install`)."""
    warm = ",".join(map(str, warm_ups(size.steps)))
    words = [
        "--multirun", "hydra/sweeper=optuna", "hydra/launcher=joblib",
        f"hydra.launcher.n_jobs={WORKERS}", f"hydra.sweeper.n_jobs={WORKERS}",
        f"hydra.sweeper.n_trials={size.trials}", "hydra.sweeper.direction=[minimize,minimize]",
        "hydra.sweeper.study_name=peer", f"hydra.sweeper.storage=sqlite:///{place}/{DATABASE}",
        f"hydra.sweep.dir={place}/multirun", f"beta=tag(log,interval({LEAST},{MOST}))",
        f"warm_up=choice({warm})", f"folder={place}", f"data={size.data}",
        f"data_folder={size.data_folder}", f"model={size.model}", f"steps={size.steps}",
        "+hydra.callbacks.record._target_=benchmarks.peers.hydra_sweeper.Record",
    ]  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.peers.hydra_sweeper", *words]
    return watched(command, place, {"PYTHONPATH": f"{packages}:{ROOT}"})


def ray_tune(place: Path, size: Size) -> dict[str, float]:
    """By Ray Tune."""
    command = [sys.executable, "-m", "benchmarks.peers.ray_tune", *size.words(place)]
    settings = {
        "RAY_TMPDIR": str(place),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",  # else it writes a file into the home
        "RAY_worker_niceness": "0",  # else 15: what else runs would slow this side alone
    }
    return watched(command, place, settings)
