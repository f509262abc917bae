"""The files of one run, by what they hold."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; this class alone knows the names of its files.

    Args:
        path: of the folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The composed configuration."""
        return self.path / "config.yaml"

    @property
    def result(self) -> Path:
        """The result; where this file stands, the run had finished."""
        return self.path / "result.json"

    @property
    def model(self) -> Path:
        """The trained weights."""
        return self.path / "model.safetensors"

    @property
    def history(self) -> Path:
        """The values per logged epoch."""
        return self.path / "history.json"

    @property
    def trace(self) -> Path:
        """The values per optimiser step."""
        return self.path / "trace.npz"

    @property
    def latent_history(self) -> Path:
        """What each validation found of the latents."""
        return self.path / "latent_history.npz"

    @property
    def latent_map(self) -> Path:
        """Where the codes of validation images lie, in at most two dimensions."""
        return self.path / "latent_map.npz"

    @property
    def checkpoint(self) -> Path:
        """From which a run that was stopped goes on; a finished run has none."""
        return self.path / "checkpoint.ckpt"

    @property
    def last(self) -> Path:
        """The whole state of a finished run after its last step, from which a longer run goes on
        where it stands as that run's checkpoint (`betafront.training.longer`)."""
        return self.path / "last.ckpt"

    @property
    def log(self) -> Path:
        """What was logged while the run was trained."""
        return self.path / "run.log"

    @property
    def lock(self) -> Path:
        """Held while the run is trained that a command or a program describes; left there."""
        return self.path / "training.lock"

    @property
    def pictures(self) -> Path:
        """The folder of the pictures."""
        return self.path / "pictures"

    @property
    def has_result(self) -> bool:
        """Whether the run has finished."""
        return self.result.is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether the run can go on from a checkpoint."""
        return self.checkpoint.is_file()
