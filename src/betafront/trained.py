"""A trained VAE in a folder, for new examples: `betafront.load(path)`.

The folder is what `betafront export` writes, and needs neither the study nor its data.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.config.build import model
from betafront.config.saved import saved_config, saved_model
from betafront.data import Preparation
from betafront.data.images.new_images import ImagePreparation
from betafront.errors import UserError
from betafront.models import Model

ABOUT = "about.json"
KINDS = {kind.kind: kind for kind in (Preparation, ImagePreparation)}


@dataclass(frozen=True)
class Trained:
    """A trained VAE with what examples go through before it sees them.

    Attributes:
        vae: the model, in evaluation mode.
        about: the study, the trial, β in every convention, the metrics, the data, and, as
            `preparation`, what `prepare` does.
    """

    vae: Model
    about: dict[str, Any]

    def prepare(self, examples: ArrayLike | Tensor) -> Tensor:
        """Examples as the model was trained on them, (n, *shape) float32: images as
        `betafront.data.images.new_images.ImagePreparation` says.

        Args:
            examples: images as (n, H, W), (n, C, H, W) or (n, H, W, C), 8-bit integers or numbers
                in the scale of the training data; of other data (n, *shape) numbers in that scale.

        Raises:
            UserError: they have another shape, or values that the model is not for.
        """
        return preparation(self.about)(examples)

    @torch.no_grad()
    def encode(self, examples: ArrayLike | Tensor) -> Tensor:
        """(n, M) the means of q(z|x)."""
        return self.vae.code(self.prepare(examples))

    @torch.no_grad()
    def decode(self, z: ArrayLike | Tensor) -> Tensor:
        """(n, *shape) E[x|z] of (n, M) codes."""
        given = z if isinstance(z, Tensor) else torch.as_tensor(np.asarray(z))
        return self.vae.decode(given.float())

    def reconstruct(self, examples: ArrayLike | Tensor) -> Tensor:
        """(n, *shape) E[x|z] at the means of q(z|x)."""
        return self.decode(self.encode(examples))

    def sample(self, n: int = 1, seed: int | None = None) -> Tensor:
        """(n, *shape) E[x|z] at draws of the prior."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return self.decode(self.vae.prior(n, generator))


def preparation(about: Mapping[str, Any]) -> Preparation:
    """What new examples go through, as an exported model's `about` has it. Of models that were
    exported before there were others it is that of images.

    Raises:
        UserError: it is of a kind that this version does not know.
    """
    kept = about["preparation"]
    kind = kept.get("kind", ImagePreparation.kind)
    if kind not in KINDS:
        raise UserError(
            f"the model is for data of the kind '{kind}', which this version of betafront does not "
            "know: upgrade it"
        )
    return KINDS[kind].of_json(kept)


def load(path: str | Path) -> Trained:
    """The model that `betafront export` wrote: in a folder, or in MLflow's registry, as
    `models:/NAME@knee` or `models:/NAME/3`.

    Raises:
        UserError: there is none, or a part of it is missing or damaged.
    """
    if str(path).startswith("models:/"):
        from betafront.tracking.registry import fetched

        with fetched(str(path)) as folder:
            return _load(folder)
    return _load(Path(path).expanduser())


def _load(folder: Path) -> Trained:
    if not (folder / ABOUT).is_file():
        raise UserError(f"{folder} holds no exported model ({ABOUT} is missing): betafront export")
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    fresh = model(saved_config(folder), preparation(about).shape, about["log_volume"])
    return Trained(saved_model(folder, fresh).eval(), about)
