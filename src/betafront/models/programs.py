"""A trained model as two programs of `torch.export`, which run without betafront."""

from pathlib import Path

import torch
from torch import Tensor, nn

from betafront.errors import UserError, one_line
from betafront.files import opened_whole
from betafront.models.model import Model, Shape, blank
from betafront.objective import require_factorised

ENCODER, DECODER = "encoder.pt2", "decoder.pt2"
PROGRAMS = (ENCODER, DECODER)


class _Encode(nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        posterior = self.model.encode(x)
        return self.model.shaped(posterior.mean), self.model.shaped(posterior.log_var)


class _Decode(nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decode(z.flatten(1))


def write_programs(model: Model, shape: Shape, folder: Path) -> None:
    """Write `encoder.pt2`, from (B, …) examples to the means and log variances of q(z|x), each
    (B, *latent_shape) of the model, which is (B, M) but for spatial codes; and `decoder.pt2`, from
    such codes to (B, …) E[x|z]; for any B.

    Args:
        model: trained.
        shape: of an example.
        folder: where to.

    Raises:
        UserError: the model is not factorised, is of sentences, or does what a program cannot.
    """
    require_factorised(model.factorised, "a program of the encoder")
    if model.likelihood.of_symbols:  # read and written in loops as long as the sentences
        raise UserError(
            "programs of torch.export are for models of numbers, and this one is of sentences: "
            "leave --torch-export out, and load the model with betafront.load"
        )
    model.eval()
    # Two examples: of one alone the size of the batch would become a constant.
    _write(_Encode(model), blank(model, 2, shape), folder / ENCODER)
    _write(_Decode(model), torch.zeros(2, *model.latent_shape), folder / DECODER)


def _write(module: nn.Module, example: Tensor, path: Path) -> None:
    batch = ({0: torch.export.Dim("batch")},)
    try:
        program = torch.export.export(module, (example,), dynamic_shapes=batch)
    except Exception as error:  # of the model's own code, so of any kind
        raise UserError(
            f"torch.export makes no program of this model: {one_line(error)[:200]}"
        ) from error
    with opened_whole(path) as sink:
        torch.export.save(program, sink)
