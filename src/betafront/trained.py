"""A trained VAE in a folder, for new examples: `betafront.load(path)`.

The folder is what `betafront export` writes, and needs neither the study nor its data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront import html
from betafront.config.build import model
from betafront.config.saved import making, saved_config, saved_model, targets_to_load
from betafront.config.trust import of_loaded
from betafront.damage import read_json, reading
from betafront.data import Preparation
from betafront.data.arrays.signals import SignalPreparation
from betafront.data.images.new_images import ImagePreparation
from betafront.data.tables.tabular import TablePreparation
from betafront.data.text.sentences import TextPreparation
from betafront.errors import UserError
from betafront.models import Model
from betafront.own_modules import find_modules_in
from betafront.training.folder import RunFolder

ABOUT = "about.json"
KINDS = {
    kind.kind: kind
    for kind in (
        Preparation, ImagePreparation, SignalPreparation, TablePreparation, TextPreparation
    )
}  # fmt: skip


@dataclass(frozen=True, repr=False)
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
        """Examples as the model was trained on them, (n, *shape) float32, or of sentences (n, L)
        int64 symbols: images as
        `betafront.data.images.new_images.ImagePreparation` says.

        Args:
            examples: images as (n, H, W), (n, C, H, W) or (n, H, W, C), 8-bit integers or numbers
                in the scale of the training data; rows of a table in its own units, or a DataFrame;
                a list of sentences; of other data (n, *shape) numbers in the scale of the training
                data.

        Raises:
            UserError: they have another shape, or values that the model is not for.
        """
        return preparation(self.about)(examples)

    @torch.no_grad()
    def encode(self, examples: ArrayLike | Tensor) -> Tensor:
        """(n, *vae.latent_shape) the means of q(z|x): (n, M), or (n, C, h, w) of a spatial code."""
        return self.vae.shaped(self.vae.code(self.prepare(examples)))

    @torch.no_grad()
    def decode(self, z: ArrayLike | Tensor) -> Any:
        """(n, *shape) E[x|z] of codes as `encode` gives them, or of (n, M); of a
        table's rows in its own units; of text a list of n sentences, each the likeliest word by
        word (greedy).

        Raises:
            UserError: they have another shape.
        """
        given = z if isinstance(z, Tensor) else torch.as_tensor(np.asarray(z))
        wanted, m = self.vae.latent_shape, self.vae.latents
        if tuple(given.shape[1:]) not in (wanted, (m,)):
            raise UserError(
                f"the model has codes of the shape {wanted}, and these are "
                f"{tuple(given.shape[1:])}: give (n, {', '.join(map(str, wanted))})"
            )
        made = self.vae.decode(given.float().flatten(1))
        return preparation(self.about).back(made)

    def reconstruct(self, examples: ArrayLike | Tensor) -> Any:
        """(n, *shape) E[x|z], or n sentences, at the means of q(z|x)."""
        return self.decode(self.encode(examples))

    def sample(self, n: int = 1, seed: int | None = None) -> Any:
        """(n, *shape) E[x|z], or n sentences, at draws of the prior."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return self.decode(self.vae.prior(n, generator))

    def __repr__(self) -> str:
        d, r = (self.about["metrics"][f"val/{name}"] for name in ("distortion", "rate"))
        return f"Trained({self._whose()}, D = {d:.2f}, R = {r:.2f} nats)"

    def _repr_html_(self) -> str:
        rows = [[name, f"{value:.4g}"] for name, value in self.about["metrics"].items()]
        head = f"A trained model, {self._whose()}"
        return html.paragraphs(head) + html.table(["metric", "value"], rows)

    def _whose(self) -> str:
        """Its study and trial, where it is of one, and its β."""
        told = self.about
        of = [f"{key} {told[key]}" for key in ("study", "trial") if key in told]
        return ", ".join([*of, f"β = {told['scale']['beta']:.4g}"])


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


def load(path: str | Path, trust: str | Iterable[str] = ()) -> Trained:
    """The model that `betafront export` wrote: in a folder, or in MLflow's registry, as
    `models:/NAME@knee` or `models:/NAME/3`.

    >>> import betafront
    >>> folder = betafront.study("tiny").export(at=2)
    >>> model = betafront.load(folder)
    >>> model.about["trial"], model.sample(4, seed=0).shape
    (2, torch.Size([4, 1, 8, 8]))

    The folder may be somebody else's: it makes models and likelihoods of betafront, and runs no
    other code but what is trusted.

    Args:
        path: of the folder, or the address in the registry.
        trust: modules (`mypackage`), functions or classes (`mypackage.my_vae`) that the model may
            be made of, beside those that `BETAFRONT_TRUST` names.

    Raises:
        UserError: there is none, a part of it is missing or damaged, or it is made of code that is
            not trusted.
    """
    if str(path).startswith("models:/"):
        from betafront.tracking.registry import fetched

        with fetched(str(path)) as folder:
            return _load(folder, trust)
    return _load(Path(path).expanduser(), trust)


def _load(folder: Path, trust: str | Iterable[str]) -> Trained:
    if trust:  # of the user's own modules, which lie where the program runs
        find_modules_in(Path.cwd())
    about_file, again = folder / ABOUT, "export the model again"
    if not about_file.is_file():
        raise UserError(f"{folder} holds no exported model ({ABOUT} is missing): betafront export")
    with reading(about_file, again):
        about: dict[str, Any] = read_json(about_file)
        prepared, log_volume = preparation(about), float(about["log_volume"])
    config, wall, path = saved_config(folder), of_loaded(trust), RunFolder(folder).config
    wall.check(targets_to_load(config), str(path))
    with making(path):
        fresh = model(config, prepared.shape, log_volume, wall, prepared.symbols)
    return Trained(saved_model(folder, fresh).eval(), about)
