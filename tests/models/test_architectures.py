"""What every architecture keeps: the images' shape in, the images' shape out, M latents."""

from functools import partial
from itertools import pairwise

import pytest
import torch

from betafront.errors import UserError
from betafront.models import Architecture, conv, linear, mlp
from betafront.objective import Beta, Categorical, Gaussian, GaussianPerImage, Likelihood

SIDES = (8, 9, 15, 28, 31, 32, 33, 64)
ARCHITECTURES = {
    "mlp": partial(mlp, latents=5, hidden=(8, 6)),
    "linear": partial(linear, latents=5),
    "conv": partial(conv, latents=5, width=2, hidden=8),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_shapes(architecture: Architecture, side: int, channels: int) -> None:
    shape = (channels, side, side)
    vae = architecture(shape, Gaussian())
    x = torch.zeros(2, *shape)
    terms = vae(x)
    assert terms.log_px.shape == (2,)
    assert terms.kl.shape == (2, 5)
    assert vae.latents == 5
    assert vae.decoder(torch.zeros(2, 5)).shape == x.shape
    assert vae.reconstruct(x).shape == x.shape


@pytest.mark.parametrize("likelihood", [GaussianPerImage(), Beta(), Categorical(7)])
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_the_decoder_gives_as_many_parameters_as_the_likelihood_has(
    architecture: Architecture, likelihood: Likelihood
) -> None:
    torch.manual_seed(0)
    shape = (3, 9, 9)
    vae = architecture(shape, likelihood)
    x = torch.randint(1, 7, (4, *shape)) / 7  # in the open interval
    assert vae.decoder(torch.zeros(4, 5)).shape == (4, 3 * likelihood.outputs, 9, 9)
    assert vae.reconstruct(x).shape == x.shape
    vae(x).distortion.sum().backward()
    last = [p for p in vae.decoder.parameters() if p.ndim == 1][-1]  # a bias per output channel
    by_parameter = last.grad.view(likelihood.outputs, -1).abs().sum(1)  # type: ignore[union-attr]
    assert (by_parameter > 0).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_every_parameter_has_a_gradient(architecture: Architecture) -> None:
    torch.manual_seed(0)
    vae = architecture((1, 9, 9), Gaussian(mode="learned"))
    terms = vae(torch.rand(16, 1, 9, 9))
    (terms.distortion + terms.rate).mean().backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("architecture", [ARCHITECTURES["mlp"], ARCHITECTURES["linear"]])
def test_any_height_and_width_but_for_conv(architecture: Architecture) -> None:
    x = torch.zeros(2, 1, 2, 5)
    assert architecture((1, 2, 5), Gaussian()).reconstruct(x).shape == x.shape


@pytest.mark.parametrize(
    "shape", [(1, 7, 7), (1, 65, 65), (1, 28, 32), (1, 32, 28), (2, 28, 28), (4, 8, 8)]
)
def test_conv_refuses_other_images_and_names_mlp(shape: tuple[int, int, int]) -> None:
    given = " x ".join(str(part) for part in shape)
    with pytest.raises(UserError, match=f"these are {given} .*: use model=mlp"):
        conv(shape, Gaussian())


def test_the_linear_vae_is_linear_on_either_side() -> None:
    torch.manual_seed(0)
    vae = linear((1, 2, 4), Gaussian(), latents=3).double()
    for map_, (a, b) in (
        (vae.encoder, torch.randn(2, 6, 1, 2, 4).double()),
        (vae.decoder, torch.randn(2, 6, 3).double()),
    ):
        bent = map_(2 * a + b) - (2 * map_(a) + map_(b) - 2 * map_(torch.zeros_like(a)))
        assert float(bent.detach().abs().max()) < 1e-13  # affine; float64 rounding of values near 1


def test_the_mlps_decoder_mirrors_its_encoder() -> None:
    vae = mlp((1, 4, 4), Gaussian(), latents=3, hidden=(12, 7))

    def widths(module: torch.nn.Module) -> list[int]:
        layers = [m for m in module.modules() if isinstance(m, torch.nn.Linear)]
        assert all(one.out_features == next_.in_features for one, next_ in pairwise(layers))
        return [layers[0].in_features, *(layer.out_features for layer in layers)]

    assert widths(vae.encoder) == [16, 12, 7, 6]
    assert widths(vae.decoder) == [3, 7, 12, 16]


@pytest.mark.parametrize("likelihood", [Gaussian(), GaussianPerImage(), Categorical(7)])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 2, 2, 2)])
@pytest.mark.parametrize("name", ["mlp", "linear"])
def test_data_of_any_shape(name: str, shape: tuple[int, ...], likelihood: Likelihood) -> None:
    vae = ARCHITECTURES[name](shape, likelihood)
    x = torch.randint(1, 7, (4, *shape)) / 7
    terms = vae(x)
    assert terms.log_px.shape == (4,)
    assert terms.kl.shape == (4, 5)
    assert vae.reconstruct(x).shape == x.shape


@pytest.mark.parametrize("shape", [(5,), (8, 8), (1, 8, 8, 8)])
def test_convolutions_are_for_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"model=conv is for images, .* shape .*use model=mlp"):
        conv(shape, Gaussian())
