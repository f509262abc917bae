"""The files that a finished run leaves in its folder."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from betafront.data import Data
from betafront.files import opened_whole, write_whole
from betafront.models import Model
from betafront.training.folder import RunFolder
from betafront.training.latents.history import LatentHistory
from betafront.training.pictures.latent_map import LatentMap
from betafront.training.result import Result
from betafront.training.trace import Trace


def write_run(
    result: Result,
    vae: Model,
    trace: Trace,
    codes: LatentMap,
    latents: LatentHistory | None,
    data: Data,
) -> None:
    """Write every file of a run into `result.folder`, the result last; its checkpoint becomes
    `last.ckpt`.

    Args:
        result: of the run.
        vae: trained.
        trace: over the optimiser steps.
        codes: where the codes of validation examples lie.
        latents: at each validation; None where none was recorded.
        data: of the run, on its device, for the pictures.
    """
    folder = RunFolder(Path(result.folder))
    write_weights(vae, folder)
    with opened_whole(folder.trace) as sink:
        np.savez(sink, **trace)  # type: ignore[arg-type]
    codes.save(folder.path)
    if latents is not None:
        latents.save(folder.path)
    write_whole(folder.history, json.dumps(result.history))
    data.show(vae, result, folder.pictures)
    result.save()
    if folder.has_checkpoint:
        folder.checkpoint.replace(folder.last)


def write_weights(vae: Model, folder: RunFolder) -> None:
    """Write the weights of a model as those of a run."""
    from safetensors.torch import save

    with opened_whole(folder.model) as sink:
        sink.write(save(_apart(vae.state_dict())))


def _apart(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights that share no memory and are contiguous, as safetensors has them: those of layers
    that are tied stand once for each name."""
    return {
        name: tensor.clone(memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }
