"""A trained VAE in a folder, for new images: `betafront.load(path)`.

The folder is what `betafront export` writes, and needs neither the study nor its data.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.config.build import model
from betafront.config.saved import saved_config, saved_model
from betafront.data.images import on_levels
from betafront.data.resize import resized
from betafront.data.tensor import as_images
from betafront.errors import UserError
from betafront.models import Model

ABOUT = "about.json"


@dataclass(frozen=True)
class Trained:
    """A trained VAE with what images go through before it sees them.

    Attributes:
        vae: the model, in evaluation mode.
        about: the study, the trial, β in every convention, the metrics, the data, and, as
            `preparation`, `shape`, `size`, `binarize`, `levels` and `dequantized`.
    """

    vae: Model
    about: dict[str, Any]

    def prepare(self, images: ArrayLike | Tensor) -> Tensor:
        """Images as the model was trained on them, (n, C, H, W) float32. Where it was trained on
        dequantised levels, each value is the middle of its cell.

        Args:
            images: (n, H, W), (n, C, H, W) or (n, H, W, C); 8-bit integers, or numbers in the scale
                of the training data.

        Raises:
            UserError: they have another shape, or values that the model is not for.
        """
        how = self.about["preparation"]
        given = images if isinstance(images, Tensor) else torch.as_tensor(np.asarray(images))
        x = resized(as_images(given, "the images"), how["size"])
        if list(x.shape[1:]) != how["shape"]:
            raise UserError(
                f"the model is for images of {how['shape']} (channels, height, width), and these "
                f"are {list(x.shape[1:])}"
            )
        x = on_levels(x, how["binarize"], how["levels"])
        k = how["levels"]
        return ((x * (k - 1)).round() + 0.5) / k if how["dequantized"] else x

    @torch.no_grad()
    def encode(self, images: ArrayLike | Tensor) -> Tensor:
        """(n, M) the means of q(z|x)."""
        return self.vae.code(self.prepare(images))

    @torch.no_grad()
    def decode(self, z: ArrayLike | Tensor) -> Tensor:
        """(n, C, H, W) E[x|z] of (n, M) codes."""
        given = z if isinstance(z, Tensor) else torch.as_tensor(np.asarray(z))
        return self.vae.decode(given.float())

    def reconstruct(self, images: ArrayLike | Tensor) -> Tensor:
        """(n, C, H, W) E[x|z] at the means of q(z|x)."""
        return self.decode(self.encode(images))

    def sample(self, n: int = 1, seed: int | None = None) -> Tensor:
        """(n, C, H, W) E[x|z] at draws of the prior."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return self.decode(self.vae.prior(n, generator))


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
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    channels, height, width = about["preparation"]["shape"]
    fresh = model(saved_config(folder), (channels, height, width), about["log_volume"])
    return Trained(saved_model(folder, fresh).eval(), about)
