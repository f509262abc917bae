"""The β that a trained posterior is at, read from the model and not from how it was trained."""

import torch
from torch import Tensor

from betafront.models import VAE, Posterior

EXAMPLES = 2000


def stationary_beta(vae: VAE, x: Tensor, *, samples: int = 16, seed: int = 0) -> float:
    """The β for which D + β·R does not change, to first order, when a latent's variance does.

    At an optimum of D + β·R no encoder can gain by widening q(z_j|x) for every x alike, so
    `∂D/∂s_j + β · ∂R/∂s_j = 0` for a common shift s_j of each latent's log variance. This is the
    least-squares β over the latents: the multiplier of a run whose rate was held to a capacity,
    where none was written.

    Args:
        vae: in evaluation mode or not; left as it was.
        x: (n, C, H, W) what it was trained on; the first 2,000 are enough.
        samples: draws of z per example.
        seed: of the draws.

    Returns:
        β; NaN where no latent is active.
    """
    was_training = vae.training
    vae.eval()
    x = x[:EXAMPLES]
    generator = torch.Generator(x.device).manual_seed(seed)
    with torch.no_grad():
        mean, log_var = vae.encode(x)
    shift = torch.zeros_like(mean[0]).requires_grad_()
    posterior = Posterior(mean, log_var + shift)
    (rate,) = torch.autograd.grad(posterior.kl().sum(1).mean(), shift)
    distortion = torch.zeros_like(rate)
    for _ in range(samples):
        z = Posterior(mean, log_var + shift).sample(generator)
        d = -vae.log_px(vae.decoder(z), x).mean()
        distortion += torch.autograd.grad(d, shift)[0] / samples
    vae.train(was_training)
    return float(-(distortion @ rate) / (rate @ rate))
