"""A trial of a sweep over β as a competent user writes it with Lightning and torchvision: what the
sweeps beside betafront's (`plain.py`, `hydra_sweeper.py`, `ray_tune.py`) have in common.

The model, the loss and the splits are those of betafront's default run: encoder and decoder of
fully connected layers or strided convolutions, a Gaussian with the best σ of each batch, sums over
pixels and latents, β and a linear warm-up. D and R of the validation split are in nats, with the
running mean of σ² that training has left. Each trial is a run in MLflow's record, by Lightning's
logger.

Digits are a tensor in memory. MNIST is torchvision's, whose `ToTensor` converts each image when a
batch asks for it, as its examples do; with `--tensors` it is converted once.
"""

import argparse
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytorch_lightning as pl
import torch
from benchmarks.peers.same import BATCH
from benchmarks.peers.stamps import Stamped
from mlflow import MlflowClient
from pytorch_lightning.loggers import MLFlowLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

NAME = "peer"  # of the study, and of MLflow's experiment
MOMENTUM = 0.99  # per step, of the running mean of σ²


@dataclass
class Given:
    """What a sweep is told: where it writes, what it trains on what, how often and for how long."""

    folder: str = "."
    data: str = "digits"
    data_folder: str = "data"
    tensors: bool = False
    model: str = "mlp"
    trials: int = 12
    steps: int = 500

    @property
    def storage(self) -> str:
        """Optuna's database."""
        return f"sqlite:///{self.folder}/studies.db"

    @property
    def record(self) -> str:
        """MLflow's database."""
        return f"sqlite:///{self.folder}/mlflow.db"


def given(says: str | None) -> Given:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=says, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--data", default="digits", choices=sorted(BATCH))
    parser.add_argument("--data-folder", default="data")
    parser.add_argument("--tensors", action="store_true", help="MNIST in memory as tensors")
    parser.add_argument("--model", default="mlp", choices=["mlp", "conv"])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--steps", type=int, default=500)
    return Given(**vars(parser.parse_args()))


def begin_record(sweep: Given) -> None:
    """Make MLflow's database and the experiment before several processes want to."""
    MlflowClient(sweep.record).create_experiment(NAME)


@cache
def splits(name: str, folder: str, tensors: bool) -> dict[str, Dataset[tuple[Tensor, ...]]]:
    """Training and validation split, read once in each process."""
    same = torch.Generator().manual_seed(0)
    if name == "mnist":
        from torchvision import transforms
        from torchvision.datasets import MNIST

        every = MNIST(folder, train=True, transform=transforms.ToTensor())
        if tensors:
            every = TensorDataset(every.data[:, None] / 255, every.targets)
        val, train = random_split(every, [10_000, 50_000], same)
    else:
        from sklearn.datasets import load_digits

        found = load_digits()
        images = torch.tensor(found.images / 16, dtype=torch.float32)[:, None]
        every = TensorDataset(images, torch.tensor(found.target))
        _, val, train = random_split(every, [359, 359, 1079], same)
    return {"train": train, "val": val}


def mlp(side: int, latents: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of fully connected layers."""
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(side**2, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
        nn.Linear(128, 2 * latents),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(latents, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(),
        nn.Linear(256, side**2), nn.Unflatten(1, (1, side, side)),
    )  # fmt: skip
    return encoder, decoder


def conv(side: int, latents: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of convolutions that halve the image until it has 4 x 4 pixels."""
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    channels, width = 1, 32
    while side > 4:
        half = (side + 1) // 2
        down += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.ReLU()]
        odd = side - (2 * half - 1)
        up = [nn.ReLU(), nn.ConvTranspose2d(width, channels, 3, 2, 1, output_padding=odd), *up]
        side, channels, width = half, width, 2 * width
    features = channels * side**2
    encoder = nn.Sequential(
        *down, nn.Flatten(), nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 2 * latents)
    )
    decoder = nn.Sequential(
        nn.Linear(latents, 128), nn.ReLU(), nn.Linear(128, features),
        nn.Unflatten(1, (channels, side, side)), *up,
    )  # fmt: skip
    return encoder, decoder


class VAE(pl.LightningModule):
    """A VAE that is trained by D + β·R."""

    def __init__(self, model: str, side: int, beta: float, warm_up: int, latents: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.beta, self.warm_up = beta, warm_up
        self.encoder, self.decoder = {"mlp": mlp, "conv": conv}[model](side, latents)
        self.register_buffer("variance", torch.zeros(()))  # its running mean

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """D and R in nats per example."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        error = (self.decoder(z) - x) ** 2
        variance = error.mean() if self.training else self.variance
        if self.training:
            new = (1 - MOMENTUM) / (1 - MOMENTUM ** (self.global_step + 1))
            self.variance.lerp_(variance.detach(), new)
        nll = 0.5 * (error / variance + variance.log() + math.log(2 * math.pi))
        rate = 0.5 * (mean**2 + log_var.exp() - log_var - 1)
        return nll.flatten(1).sum(1).mean(), rate.sum(1).mean()

    def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
        distortion, rate = self.terms(batch[0])
        beta = self.beta * min(1.0, self.global_step / max(self.warm_up, 1))
        self.log_dict({"train/distortion": distortion, "train/rate": rate}, on_epoch=True)
        return distortion + beta * rate

    def validation_step(self, batch: tuple[Tensor, ...], _: int) -> None:
        distortion, rate = self.terms(batch[0])
        self.log_dict({"val/distortion": distortion, "val/rate": rate})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return Stamped(self.parameters(), lr=1e-3)


def trained(sweep: Given, seed: int, beta: float, warm_up: int) -> tuple[float, float]:
    """R and D of the validation split after training, in nats per example.

    Args:
        beta: canonical.
        warm_up: steps over which β rises linearly from 0.
    """
    torch.set_num_threads(1)
    pl.seed_everything(seed)
    parts = splits(sweep.data, sweep.data_folder, sweep.tensors)
    batch = BATCH[sweep.data]
    train = DataLoader(parts["train"], batch, shuffle=True, drop_last=True)
    val = DataLoader(parts["val"], batch)
    trainer = pl.Trainer(
        max_steps=sweep.steps,
        accelerator="cpu",
        logger=MLFlowLogger(NAME, tracking_uri=sweep.record),
        default_root_dir=sweep.folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = VAE(sweep.model, parts["train"][0][0].shape[-1], beta, warm_up)
    trainer.fit(model, train, val)
    found: dict[str, Any] = trainer.validate(model, val, verbose=False)[0]
    return found["val/rate"], found["val/distortion"]
