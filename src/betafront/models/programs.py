"""A trained VAE as two programs of `torch.export`, which run without betafront."""

from pathlib import Path

import torch
from torch import Tensor, nn

from betafront.errors import UserError, one_line
from betafront.models.vae import VAE, Shape

ENCODER, DECODER = "encoder.pt2", "decoder.pt2"
PROGRAMS = (ENCODER, DECODER)


class _Encode(nn.Module):
    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        posterior = self.vae.encode(x)
        return posterior.mean, posterior.log_var


class _Decode(nn.Module):
    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, z: Tensor) -> Tensor:
        return self.vae.decode(z)


def write_programs(vae: VAE, shape: Shape, folder: Path) -> None:
    """Write `encoder.pt2`, from (B, C, H, W) images to the (B, M) means and log variances of
    q(z|x), and `decoder.pt2`, from (B, M) codes to (B, C, H, W) E[x|z], for any B.

    Args:
        vae: trained.
        shape: of an image.
        folder: where to.

    Raises:
        UserError: the model does what a program cannot.
    """
    vae.eval()
    # Two examples: of one alone the size of the batch would become a constant.
    _write(_Encode(vae), torch.zeros(2, *shape), folder / ENCODER)
    _write(_Decode(vae), torch.zeros(2, vae.latents), folder / DECODER)


def _write(module: nn.Module, example: Tensor, path: Path) -> None:
    batch = ({0: torch.export.Dim("batch")},)
    try:
        program = torch.export.export(module, (example,), dynamic_shapes=batch)
    except Exception as error:  # of the model's own code, so of any kind
        raise UserError(
            f"torch.export makes no program of this model: {one_line(error)[:200]}"
        ) from error
    torch.export.save(program, path)
