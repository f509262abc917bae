"""How like their originals the reconstructions are, as pictures: PSNR and SSIM."""

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.score import EVALUATION_BATCH, Score
from betafront.models import Model

SIGMA = 1.5  # of SSIM's Gaussian window in pixels (Wang et al. 2004): 11 pixels of it are used
SMALLEST = 3  # pixels of a window, with one on each side of its middle


@in_eval_mode
@torch.no_grad()
def likeness(model: Model, x: Tensor, *, examples: int = 2000) -> Score:
    """`psnr` in dB and `ssim` of E[x|z] at the posterior's mean z, means over the images.

    Both are for values in [0, 1]. The window of SSIM has a σ of 1.5 pixels, or a smaller one in
    images of less than 11 pixels, where it would not fit; values of different σ do not compare.

    Args:
        model: in evaluation mode or not; left as it was.
        x: (N, C, H, W) on the device of the model.
        examples: the first of them that are used.

    Raises:
        UserError: the data is no images, there is no example, or the images have no room for a
            window of 3 pixels.

    Source: Wang et al. 2004 (SSIM), through torchmetrics.
    """
    from torchmetrics.functional.image import (
        peak_signal_noise_ratio,
        structural_similarity_index_measure,
    )

    if x.ndim != 4:
        raise UserError(
            "PSNR and SSIM are for images, and an example of this data has the shape "
            f"{tuple(x.shape[1:])}: leave it out with ~metrics.further.likeness"
        )
    if min(x.shape[-2:]) < SMALLEST:
        raise UserError(
            f"SSIM needs images of at least {SMALLEST} x {SMALLEST} pixels, and these have "
            f"{x.shape[-2]} x {x.shape[-1]}: leave it out with ~metrics.further.likeness"
        )
    if examples < 1:
        raise UserError(f"examples of {examples} is too few: give 1 or more")
    radius = (min(x.shape[-2:]) - 1) // 2
    sigma = min(SIGMA, radius / 3.5)  # torchmetrics cuts the window at 3.5 σ
    total = torch.zeros(2, dtype=torch.float64)
    used = x[:examples]
    for batch in used.split(EVALUATION_BATCH):
        made = model.reconstruct(batch)
        psnr = peak_signal_noise_ratio(made, batch, data_range=1.0, dim=(1, 2, 3), reduction="sum")
        ssim = structural_similarity_index_measure(
            made, batch, data_range=1.0, sigma=sigma, reduction="sum"
        )
        total += torch.tensor([float(psnr), float(ssim)])  # type: ignore[arg-type]
    psnr_mean, ssim_mean = (total / len(used)).tolist()
    settings: dict[str, float | str] = {"examples": len(used), "ssim_sigma": sigma}
    return Score({"psnr": psnr_mean, "ssim": ssim_mean}, settings)
