"""A run draws from generators of its own, whatever happens to torch's global one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from betafront.models import VAE, mlp
from betafront.objective import Likelihood
from betafront.training import Result, Run, Trainer, fit_one
from betafront.training.folder import RunFolder
from betafront.training.generators import Generators
from betafront.training.lightning.module import TrainingModule
from betafront.training.state import RunState

MakeRun = Callable[..., Run]


def with_dropout(shape: tuple[int, int, int], likelihood: Likelihood) -> VAE:
    """A model as a user may have it: one of its layers draws from the global generator."""
    vae = mlp(shape, likelihood, latents=2, hidden=(16,))
    vae.encoder = nn.Sequential(nn.Dropout(0.2), vae.encoder)
    return vae


class DrawsAlways(nn.Module):
    """A layer that draws from the global generator in training and in validation."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.01 * torch.randn_like(x)


def with_noise(shape: tuple[int, int, int], likelihood: Likelihood) -> VAE:
    vae = mlp(shape, likelihood, latents=2, hidden=(16,))
    vae.encoder = nn.Sequential(DrawsAlways(), vae.encoder)
    return vae


def weights(folder: Path) -> bytes:
    return RunFolder(folder).model.read_bytes()


def disturbed(monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    """From now on, other code draws from the global generators after each call of a hook."""
    hook = getattr(TrainingModule, after)

    def drawing(module: TrainingModule, *arguments: object, **named: object) -> object:
        returned = hook(module, *arguments, **named)
        torch.rand(3)
        return returned

    monkeypatch.setattr(TrainingModule, after, drawing)


@pytest.mark.parametrize(
    "hook", ["configure_optimizers", "training_step", "optimizer_step", "on_validation_epoch_end"]
)
def test_other_draws_from_the_global_generator_change_nothing(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    alone = fit_one(make_run(), tmp_path / "alone")
    disturbed(monkeypatch, hook)
    result = fit_one(make_run(), tmp_path / "disturbed")
    assert result.metrics == alone.metrics
    assert result.history == alone.history
    assert weights(tmp_path / "disturbed") == weights(tmp_path / "alone")


def test_the_noise_continues_where_the_initial_weights_ended() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        torch.rand(5)
        state = torch.get_rng_state()
        generators = Generators(3, torch.device("cpu"))
        assert torch.equal(generators.noise.get_state(), state)
        # The global generator goes on with numbers that are not those of the noise.
        assert not torch.equal(torch.rand(4), torch.rand(4, generator=generators.noise))


def test_generators_go_on_from_a_snapshot() -> None:
    with torch.random.fork_rng():
        generators = Generators(3, torch.device("cpu"))
        snapshot = generators.snapshot()
        first = draws(generators)
        assert draws(generators) != first
        other = Generators(4, torch.device("cpu"))
        assert draws(other) != first
        other.restore(snapshot)
        assert draws(other) == first


def draws(generators: Generators) -> list[float]:
    """A number of each generator."""
    own = [torch.rand(1, generator=g) for g in (generators.noise, generators.order)]
    return torch.cat([*own, torch.rand(1)]).tolist()


def test_noise_of_another_kind_of_device_begins_anew() -> None:
    with torch.random.fork_rng():
        generators = Generators(3, torch.device("cpu"))
        before = generators.noise.get_state()
        snapshot = generators.snapshot() | {"noise": {"cuda": torch.zeros(16)}}
        generators.restore(snapshot)
        assert torch.equal(generators.noise.get_state(), before)


@pytest.mark.parametrize("architecture", [with_dropout, with_noise])
def test_a_module_that_draws_globally_repeats_and_is_resumed(
    make_run: MakeRun, tmp_path: Path, architecture: Callable[..., VAE]
) -> None:
    trainer = Trainer(steps=12, batch_size=32, accelerator="cpu", checkpoint_seconds=0)

    def run() -> Run:
        return make_run(architecture=architecture, trainer=trainer)

    class Unplugged(Exception):
        pass

    def unplug(row: dict[str, float]) -> None:
        if row["step"] == 9:
            raise Unplugged

    fit_one(run(), tmp_path / "one")
    torch.rand(7)
    fit_one(run(), tmp_path / "two")
    with pytest.raises(Unplugged):
        fit_one(run(), tmp_path / "stopped", report=unplug)
    fit_one(run(), tmp_path / "stopped")
    assert weights(tmp_path / "one") == weights(tmp_path / "two") == weights(tmp_path / "stopped")


def test_watching_does_not_change_a_module_that_draws_globally(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(validations: int) -> Result:
        monkeypatch.setattr("betafront.training.validation.cadence.VALIDATIONS", validations)
        return fit_one(make_run(architecture=with_noise), tmp_path / str(validations))

    assert [len(train(validations).history) for validations in (1, 20)] == [1, 4]
    assert weights(tmp_path / "1") == weights(tmp_path / "20")


def test_initial_weights_come_from_the_seed(make_run: MakeRun) -> None:
    with torch.random.fork_rng():
        states = []
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            states.append(RunState(make_run(seed=seed), torch.device("cpu")))
    first, same, other = ([p.flatten() for p in s.vae.parameters()] for s in states)
    assert torch.equal(torch.cat(first), torch.cat(same))
    assert not torch.equal(torch.cat(first), torch.cat(other))
