"""The losses of eight well-known projects, with their default weights.

Each loss is the project's mathematics written again in PyTorch, with the project's own reductions
and default weight; none is the project's code. The β of the defaults follows by arithmetic
(`Project.beta`, from the constants) or by measurement (`betafront.weights.audit`, from the
function), and the two agree.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from betafront.errors import UserError, near_miss
from betafront.scale import Convention, normalisation

Loss = Callable[..., Tensor]
"""Takes x, reconstruction (each (B, C, H, W)), mu, log_var (each (B, M)) and a keyword `weight`."""


@dataclass(frozen=True)
class Project:
    """One project's way to weight the KL.

    Args:
        name: as `betafront weights --project` takes it.
        title: the project's own name.
        computes: its loss, in words.
        loss: its loss, as a function.
        convention: in which its number in front of the KL is read.
        weight: the default of that number.
        shape: (channels, height, width) of the images that its default is used on.
        latents: M, its default number of latent dimensions.
        note: other facts of interest.
        optimal: whether its σ is the optimal one, so that there is no σ to choose.
    """

    name: str
    title: str
    computes: str
    loss: Loss
    convention: Convention
    weight: float
    shape: tuple[int, int, int]
    latents: int
    note: str
    optimal: bool = False

    @property
    def pixels(self) -> int:
        """N."""
        return math.prod(self.shape)

    @property
    def beta(self) -> float:
        """The canonical β of the defaults, of squared errors at σ = 1."""
        return self.convention.beta(self.weight, self.pixels, self.latents)


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """(B, M) KL(N(mu, e^log_var) || N(0, 1)) in nats for each latent dimension."""
    return (mu**2 + log_var.exp() - log_var - 1) / 2


def pytorch_vae(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 0.00025
) -> Tensor:
    """Squared error averaged over everything beside a KL summed over the latents."""
    error = (x - reconstruction).square().mean()
    return error + weight * kl(mu, log_var).sum(1).mean()


def disent(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 0.0316
) -> Tensor:
    """Squared error averaged over everything beside a KL averaged over everything."""
    return (x - reconstruction).square().mean() + weight * kl(mu, log_var).mean()


def disentangling_vae(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 1.0
) -> Tensor:
    """The squared error of grey levels from 0 to 255, divided by 255 once, beside a summed KL."""
    grey_levels = (255 * x - 255 * reconstruction).square().sum() / 255
    return grey_levels / len(x) + weight * kl(mu, log_var).sum(1).mean()


def lightning_bolts(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 0.1
) -> Tensor:
    """Both terms averaged over everything."""
    return weight * kl(mu, log_var).mean() + (reconstruction - x).square().mean()


def disentanglement_lib(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 4.0
) -> Tensor:
    """Summed squared error of the sigmoid of `reconstruction` (logits) beside a summed KL."""
    error = (reconstruction.sigmoid() - x).square().flatten(1).sum(1)
    return (error + weight * kl(mu, log_var).sum(1)).mean()


def mr_vae(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 1.0
) -> Tensor:
    """Summed squared error beside a summed KL."""
    error = (reconstruction - x).square().flatten(1).sum(1)
    return error.mean() + weight * kl(mu, log_var).sum(1).mean()


def pythae(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 1.0
) -> Tensor:
    """Half the summed squared error beside a summed KL."""
    error = (reconstruction - x).square().flatten(1).sum(1) / 2
    return (error + weight * kl(mu, log_var).sum(1)).mean()


def sigma_vae(
    x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor, weight: float = 1.0
) -> Tensor:
    """A Gaussian's negative log density at the batch's optimal σ, and the KL, both summed over
    everything (Rybkin et al. 2021; σ² is the mean squared error)."""
    variance = (x - reconstruction).square().mean()
    density = x.numel() * (math.log(2 * math.pi) + variance.log() + 1) / 2
    return density + weight * kl(mu, log_var).sum()


PROJECTS = {
    project.name: project
    for project in (
        Project(
            "pytorch-vae",
            "AntixK/PyTorch-VAE",
            "MSE over everything, KL summed over M",
            pytorch_vae,
            Convention(normalisation("pixel_mean"), "full"),
            weight=0.00025,
            shape=(3, 64, 64),
            latents=128,
            note=(
                "validation, where it selects checkpoints, has weight 1, which is β = 6144; "
                "it logs the KL with the wrong sign"
            ),
        ),
        Project(
            "disent",
            "disent",
            "MSE over everything, KL averaged over M",
            disent,
            Convention(normalisation("mean"), "full"),
            weight=0.0316,
            shape=(3, 64, 64),
            latents=25,
            note="'mean' reduction on both terms",
        ),
        Project(
            "disentangling-vae",
            "YannDubs/disentangling-vae",
            "255·SSE, KL summed over M",
            disentangling_vae,
            Convention(normalisation("sum"), "full", coefficient=255.0),
            weight=1.0,
            shape=(1, 32, 32),
            latents=10,
            note="its 'gaussian' reconstruction: grey levels of 0 to 255, divided by 255 once",
        ),
        Project(
            "lightning-bolts",
            "Lightning-bolts",
            "MSE over everything, KL averaged over M",
            lightning_bolts,
            Convention(normalisation("mean"), "full"),
            weight=0.1,
            shape=(3, 32, 32),
            latents=256,
            note="on CIFAR-10; the weight is a literal β_norm of the squared error",
        ),
        Project(
            "disentanglement-lib",
            "disentanglement_lib",
            "SSE without the half, KL summed over M",
            disentanglement_lib,
            Convention(normalisation("sum"), "full"),
            weight=4.0,
            shape=(1, 64, 64),
            latents=10,
            note="its 'l2' loss; its study has 1, 2, 4 (here), 6, 8 and 16: β is half of each",
        ),
        Project(
            "mr-vae",
            "MR-VAE",
            "SSE without the half, KL summed over M",
            mr_vae,
            Convention(normalisation("sum"), "full"),
            weight=1.0,
            shape=(3, 32, 32),
            latents=32,
            note="on its image sets; it trains all of 0.01 to 10 at once: β is half of each",
        ),
        Project(
            "pythae",
            "pythae",
            "½·SSE, KL summed over M",
            pythae,
            Convention(normalisation("sum"), "half"),
            weight=1.0,
            shape=(1, 28, 28),
            latents=10,
            note="its 'mse' loss, a Gaussian with σ = 1: β is as stated",
        ),
        Project(
            "sigma-vae",
            "sigma-VAE",
            "a Gaussian's log density with optimal σ, KL summed over M",
            sigma_vae,
            Convention(normalisation("sum")),
            weight=1.0,
            shape=(3, 28, 28),
            latents=20,
            note="its σ is optimal: β is the weight itself",
            optimal=True,
        ),
    )
}


def project(name: str) -> Project:
    """The project of that name. Case, dashes and the owner in front of the name do not matter; a
    part of a name is enough where one project has it.

    Raises:
        UserError: there is no such project.
    """
    word = name.strip().lower().rpartition("/")[2].replace("_", "-").replace(" ", "-")
    having = [known for known in PROJECTS if word in known]
    if word not in PROJECTS and len(having) == 1:
        word = having[0]
    if word not in PROJECTS:
        raise UserError(f"unknown project '{name}': {near_miss(word, PROJECTS)}")
    return PROJECTS[word]
