"""Spatial codes (B, C, h, w): flat inside the contract, and in their shape where they are seen."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from betafront.data import Images, digits
from betafront.data.images.pictures import GAP, LEAST, STEPS
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.models import VAE, Architecture, conv, write_programs
from betafront.objective import Gaussian, Likelihood, Objective, normalisation
from betafront.study.display.gallery import spectrum
from betafront.trained import Trained
from betafront.training import Result, Run, Trainer, draw_pages, fit_one
from betafront.training.folder import RunFolder

CODE = (3, 4, 4)
M = 48


def architecture(shape: tuple[int, ...], likelihood: Likelihood) -> VAE:
    return conv(shape, likelihood, latents=CODE, width=4)


def other(parts: Callable[[Tensor], object] = lambda x: x) -> Architecture:
    """An encoder and a decoder as latent diffusion has them."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(1, 6, 2, stride=2)

        def forward(self, x: Tensor) -> object:
            return parts(self.layer(x))

    decoder = nn.ConvTranspose2d(3, 1, 2, stride=2)
    return lambda _, likelihood: VAE(Encoder(), decoder, likelihood, M, CODE)


def model_of(made: Architecture) -> VAE:
    torch.manual_seed(0)
    vae = made((1, 8, 8), Gaussian())
    assert isinstance(vae, VAE)
    return vae.eval()


@pytest.mark.parametrize("made", [architecture, other()], ids=["conv", "own"])
def test_m_is_counted_over_all_positions(made: Architecture) -> None:
    vae, x = model_of(made), torch.rand(5, 1, 8, 8)
    assert (vae.latents, vae.latent_shape) == (M, CODE)
    terms = vae(x, torch.Generator().manual_seed(0))
    assert terms.kl.shape == (5, M)
    assert vae.prior(2).shape == (2, M)
    raw = vae.encoder(x)
    assert raw.shape == (5, 6, 4, 4)
    kl = 0.5 * (raw[:, :3] ** 2 + raw[:, 3:].exp() - 1 - raw[:, 3:])
    torch.testing.assert_close(terms.kl.view(5, *CODE), kl)  # each where its channel and place are
    z = torch.randn(2, M)
    torch.testing.assert_close(vae.decode(z), vae.decoder(z.view(2, *CODE)))


def test_a_pair_of_means_and_log_variances_is_the_same_model() -> None:
    one, two = model_of(other()), model_of(other(lambda x: x.chunk(2, 1)))
    x = torch.rand(5, 1, 8, 8)
    for a, b in zip(one.encode(x), two.encode(x), strict=True):
        assert torch.equal(a, b)
        assert a.shape == (5, M)


def test_the_shape_of_a_code_has_as_many_latents_as_there_are() -> None:
    with pytest.raises(UserError, match=r"40 latents cannot have codes of the shape \(3, 4, 4\)"):
        VAE(nn.Identity(), nn.Identity(), Gaussian(), 40, CODE)


def test_programs_and_loaded_models_have_codes_in_their_shape(tmp_path: Path) -> None:
    vae, data = model_of(architecture), digits(limit=50)
    write_programs(vae, (1, 8, 8), tmp_path)
    encode, decode = (
        torch.export.load(tmp_path / f"{name}.pt2").module() for name in ("encoder", "decoder")
    )
    trained = Trained(vae, {"preparation": data.preparation.as_json()})
    for n in (1, 7):
        x = data.train[:n]
        mean, log_var = encode(x)
        assert mean.shape == log_var.shape == (n, *CODE)
        torch.testing.assert_close(mean, trained.encode(x))
        torch.testing.assert_close(decode(mean), trained.decode(mean))
        assert torch.equal(trained.decode(mean.flatten(1)), trained.decode(mean))
        assert torch.equal(trained.reconstruct(x), vae.reconstruct(x).detach())
    assert trained.sample(3, seed=0).shape == (3, 1, 8, 8)
    with pytest.raises(UserError, match=r"codes of the shape \(3, 4, 4\), and these are \(4, 4\)"):
        trained.decode(np.zeros((3, 4, 4)))


@pytest.fixture(scope="module")
def run() -> Run:
    data: Images = digits(limit=200)
    return Run(
        data=data,
        architecture=architecture,
        likelihood=Gaussian,
        make_objective=partial(Objective, 0.1, normalisation("sum")),
        make_optimizer=partial(torch.optim.Adam, lr=1e-2),
        trainer=Trainer(steps=30, batch_size=32, accelerator="cpu"),
        evaluate=evaluate,
        seed=0,
    )


@pytest.fixture(scope="module")
def trained(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return fit_one(run, tmp_path_factory.mktemp("spatial"))


def test_a_run_keeps_the_shape_with_its_spectrum(trained: Result) -> None:
    kept = Result.load(Path(trained.folder))
    assert kept.latent_shape == list(CODE)
    assert kept.kl_map.shape == CODE
    assert kept.scale.latents == M
    assert kept.kl_map.sum() == pytest.approx(kept.metrics["val/rate"], rel=1e-9)
    channels = kept.kl_map.sum((1, 2))
    assert kept.kl_of_channels.tolist() == pytest.approx(channels.tolist())
    highest = sorted(kept.kl_of_channels.tolist(), reverse=True)
    assert spectrum(Path(trained.folder)) == (highest, [])


def test_its_traversals_move_a_channel_at_all_positions(trained: Result, run: Run) -> None:
    from safetensors.torch import load_file

    vae, folder = run.vae().eval(), RunFolder(Path(trained.folder))
    vae.load_state_dict(load_file(folder.model))
    with Image.open(folder.pictures / "traversals.png") as picture:
        drawn = np.asarray(picture)
    tile = LEAST + GAP
    assert drawn.shape == (3 * tile + GAP, STEPS * tile + GAP)
    with torch.no_grad():
        z = vae.shaped(vae.code(run.data.examples("val", 1)))
        best = int(trained.kl_of_channels.argmax())
        moved = z.clone()
        moved[:, best] += 3.0
        expected = vae.decode(moved.flatten(1)).clamp(0, 1)[0, 0]
    last = drawn[GAP : GAP + LEAST : 4, (STEPS - 1) * tile + GAP : STEPS * tile : 4]
    assert np.abs(last / 255 - expected.numpy()).max() < 1 / 255


def test_its_pages_show_channels_and_positions(trained: Result) -> None:
    folder = RunFolder(Path(trained.folder))
    draw_pages(folder.path)
    for name in ("training.png", "latent_map.png", "kl_map.png"):
        assert (folder.pictures / name).stat().st_size > 5_000


def test_a_flat_code_has_no_map_of_positions(run: Run, trained: Result, tmp_path: Path) -> None:
    """Nor has a run of an earlier version, which did not say what shape its code had."""
    written = json.loads(RunFolder(Path(trained.folder)).result.read_text())
    for shape in ([M], []):
        old = Result(**{**trained.__dict__, "folder": str(tmp_path), "latent_shape": shape})
        old.save()
        assert old.kl_map.shape == (M,)
        assert Result.load(tmp_path).kl_of_channels.tolist() == written["spectrum"]
        draw_pages(tmp_path)
        assert not (tmp_path / "pictures/kl_map.png").exists()
