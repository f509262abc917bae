"""The files that a finished run leaves in its folder."""

import json
from pathlib import Path

import numpy as np

from betafront.data import Data
from betafront.files import opened_whole, write_whole
from betafront.models import Model
from betafront.training.folder import RunFolder
from betafront.training.pictures.latent_map import LatentMap
from betafront.training.result import Result
from betafront.training.trace import Trace


def write_run(result: Result, vae: Model, trace: Trace, codes: LatentMap, data: Data) -> None:
    """Write every file of a run into `result.folder`, the result last; its checkpoint becomes
    `last.ckpt`.

    Args:
        result: of the run.
        vae: trained.
        trace: over the optimiser steps.
        codes: where the codes of validation examples lie.
        data: of the run, on its device, for the pictures.
    """
    from safetensors.torch import save

    folder = RunFolder(Path(result.folder))
    with opened_whole(folder.model) as sink:
        sink.write(save(vae.state_dict()))
    with opened_whole(folder.trace) as sink:
        np.savez(sink, **trace)  # type: ignore[arg-type]
    codes.save(folder.path)
    write_whole(folder.history, json.dumps(result.history))
    data.show(vae, result, folder.pictures)
    result.save()
    if folder.has_checkpoint:
        folder.checkpoint.replace(folder.last)
