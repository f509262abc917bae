"""A sweep over β as a competent user writes it with Optuna, Lightning and torchvision, and nothing
else: what `first_minute.py` measures beside betafront.

    python -m benchmarks.run.plain FOLDER --data digits --trials 12 --steps 500

Two processes share the study in `FOLDER/plain.db`, with MLflow's record beside it. The model and
the loss are those of betafront's default study: a multilayer perceptron, a Gaussian with the best σ
of each batch, sums over pixels and latents, β and a linear warm-up.
"""

import argparse
import math
import multiprocessing
from pathlib import Path

import optuna
import pytorch_lightning as pl
import torch
from benchmarks.run.stamps import Stamped
from mlflow import MlflowClient
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from pytorch_lightning.loggers import MLFlowLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

NAME = "plain"
BATCH = {"digits": 64, "mnist": 128}


def data(name: str, folder: Path) -> list[Dataset[tuple[Tensor, ...]]]:
    """Training, validation and test split."""
    if name == "mnist":
        from torchvision import transforms
        from torchvision.datasets import MNIST

        train = MNIST(str(folder), train=True, transform=transforms.ToTensor())
        test = MNIST(str(folder), train=False, transform=transforms.ToTensor())
        return [*random_split(train, [50_000, 10_000]), test]
    from sklearn.datasets import load_digits

    images = torch.tensor(load_digits().images / 16, dtype=torch.float32)[:, None]
    every = TensorDataset(images, torch.zeros(len(images)))
    return list(random_split(every, [0.6, 0.2, 0.2]))


class VAE(pl.LightningModule):
    """A VAE of fully connected layers."""

    def __init__(self, pixels: int, beta: float, warm_up: int, latents: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.beta, self.warm_up = beta, warm_up
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
            nn.Linear(128, 2 * latents),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latents, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(),
            nn.Linear(256, pixels),
        )  # fmt: skip

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """D and R in nats per example."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        error = (self.decoder(z) - x.flatten(1)) ** 2
        variance = error.mean()
        nll = 0.5 * (error / variance + variance.log() + math.log(2 * math.pi))
        rate = 0.5 * (mean**2 + log_var.exp() - log_var - 1)
        return nll.sum(1).mean(), rate.sum(1).mean()

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


def main() -> None:
    """Make the study, and work for it in some processes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", default="digits", choices=sorted(BATCH))
    parser.add_argument("--data-folder", type=Path, default=Path("data"))
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    optuna.create_study(
        study_name=NAME, storage=storage(given.folder), directions=["minimize", "minimize"]
    )
    MlflowClient(record(given.folder)).create_experiment(NAME)
    workers = [multiprocessing.Process(target=work, args=(given,)) for _ in range(given.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def storage(folder: Path) -> str:
    """Where the study is."""
    return f"sqlite:///{folder}/plain.db"


def record(folder: Path) -> str:
    """Where MLflow's record is."""
    return f"sqlite:///{folder}/mlflow.db"


def work(given: argparse.Namespace) -> None:
    """Train trials until there are as many as asked for."""
    splits = data(given.data, given.data_folder)
    pixels = splits[0][0][0].numel()
    torch.set_num_threads(1)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        beta = trial.suggest_float("beta", 1e-3, 10, log=True)
        warm_up = trial.suggest_categorical("warm_up", [0, given.steps // 4])
        pl.seed_everything(trial.number)
        loaders = [DataLoader(split, BATCH[given.data], shuffle=i == 0, drop_last=i == 0)
                   for i, split in enumerate(splits)]  # fmt: skip
        trainer = pl.Trainer(
            max_steps=given.steps,
            accelerator="cpu",
            logger=MLFlowLogger(NAME, tracking_uri=record(given.folder)),
            default_root_dir=given.folder,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        model = VAE(pixels, beta, warm_up)
        trainer.fit(model, *loaders[:2])
        (found,) = trainer.validate(model, loaders[2], verbose=False)
        return found["val/rate"], found["val/distortion"]

    study = optuna.load_study(study_name=NAME, storage=storage(given.folder))
    counted = (TrialState.COMPLETE, TrialState.RUNNING)
    study.optimize(objective, callbacks=[MaxTrialsCallback(given.trials, states=counted)])


if __name__ == "__main__":
    main()
