"""A run that begins with the weights of a trained one (`trainer.start_from`)."""

from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig
from torch import Tensor

from betafront.config.build import build, model
from betafront.config.saved import making, saved_config, saved_model, targets_to_load
from betafront.config.trust import of_kept
from betafront.errors import UserError
from betafront.models import Family, Model
from betafront.training.folder import RunFolder
from betafront.training.run import Run


@dataclass(frozen=True)
class Start:
    """Gives the weights to begin with.

    Attributes:
        folder: of the trained run.
        trained: its model.
    """

    folder: Path
    trained: Model

    def __call__(self, beta: float | None) -> dict[str, Tensor]:
        """The weights of the model; of a family those of its member at a canonical β.

        Args:
            beta: of the end of the run that begins; None where a controller sets it.

        Raises:
            UserError: the family has no such member.
        """
        if not isinstance(self.trained, Family):
            return self.trained.state_dict()
        if beta is None:
            raise UserError(
                f"trainer.start_from={self.folder} is a model for every β, and a controller sets "
                "that of this run: leave controller at none"
            )
        try:
            return self.trained.at(beta).state_dict()
        except UserError as error:
            raise UserError(f"trainer.start_from={self.folder}: {error}") from error


def build_to_train(config: DictConfig) -> Run:
    """The parts of a run that is to be trained, with the weights that it begins with where
    `trainer.start_from` names a run.

    Args:
        config: of the run.

    Raises:
        UserError: as `build`; or the run that is named is gone, or cannot be made.
    """
    run = build(config)
    if run.trainer.start_from is None:
        return run
    return replace(run, start=_start(Path(run.trainer.start_from), run))


def _start(folder: Path, run: Run) -> Start:
    if not RunFolder(folder).has_result:
        raise UserError(
            f"trainer.start_from={folder}: there is no finished run in that folder: give that of "
            "one, as runs/NAME/trial-0003, or runs/NAME/scout"
        )
    config, wall = saved_config(folder), of_kept()
    path = RunFolder(folder).config
    wall.check(targets_to_load(config), str(path))
    data = run.data
    with making(path):
        made = model(config, data.shape, data.log_volume, wall, data.symbols)
        return Start(folder, saved_model(folder, made).eval())
