"""What every architecture keeps: the images' shape in, the images' shape out, M latents."""

import math
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch

from betafront.errors import UserError
from betafront.models import Architecture, conv, conv1d, linear, mlp, resnet
from betafront.objective import (
    Beta,
    Categorical,
    Gaussian,
    GaussianPerImage,
    Likelihood,
    Poisson,
)

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


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [(mlp, (1, 8, 8)), (conv, (1, 8, 8)), (conv1d, (1, 8)), (resnet, (1, 32, 32))],
)
def test_an_encoder_begins_as_the_likelihood_has_it(
    architecture: Architecture, shape: tuple[int, ...]
) -> None:
    """Of counts with log(1 + x), so that a count of a million is no number of a million."""
    vae = architecture(shape, Poisson())
    x = torch.tensor([0.0, 1e6]).view(2, *[1] * len(shape)).expand(2, *shape)
    first = next(iter(vae.encoder))
    assert float(first(x).max()) == pytest.approx(math.log1p(1e6))
    assert vae(x).kl.isfinite().all()
    assert not any(isinstance(m, type(first)) for m in architecture(shape, Gaussian()).modules())


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


@pytest.mark.parametrize("shape", [(1, 28, 32), (2, 32, 28), (5, 8, 8), (4, 9, 255), (1, 256, 256)])
def test_conv_takes_oblongs_of_any_number_of_channels(shape: tuple[int, int, int]) -> None:
    vae, x = conv(shape, Gaussian(), latents=3, width=2, hidden=4), torch.zeros(2, *shape)
    assert vae(x).kl.shape == (2, 3)
    assert vae.reconstruct(x).shape == x.shape
    last = next(m for m in vae.decoder if isinstance(m, torch.nn.Unflatten))
    assert max(last.unflattened_size[1:]) == 4  # what a fully connected layer stands on


@pytest.mark.parametrize("shape", [(1, 7, 7), (1, 7, 28), (1, 28, 7), (3, 257, 64)])
def test_conv_refuses_other_images_and_names_mlp(shape: tuple[int, int, int]) -> None:
    given = " x ".join(str(part) for part in shape)
    with pytest.raises(UserError, match=f"these are {given} .*: use model=mlp"):
        conv(shape, Gaussian())


def test_a_square_image_goes_through_the_layers_that_it_has_always_gone_through() -> None:
    """Of which the numbers that are drawn for weights, and so every result, depend."""
    torch.manual_seed(0)
    vae = conv((3, 9, 9), Gaussian(), latents=3, width=2, hidden=4)
    torch.manual_seed(0)
    first, up = torch.nn.Conv2d(3, 2, 3, 2, 1), torch.nn.ConvTranspose2d(2, 3, 3, 2, 1)
    second, up2 = torch.nn.Conv2d(2, 4, 3, 2, 1), torch.nn.ConvTranspose2d(4, 2, 3, 2, 1)
    head = torch.nn.Linear(36, 4), torch.nn.Linear(4, 6)
    tail = torch.nn.Linear(3, 4), torch.nn.Linear(4, 36)
    drawn = [*vae.encoder.parameters(), *vae.decoder.parameters()]
    layers = [first, second, *head, *tail, up2, up]
    expected = [parameter for layer in layers for parameter in layer.parameters()]
    assert len(drawn) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(drawn, expected, strict=True))


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 33, 40), (2, 128, 32)])
@pytest.mark.parametrize("latents", [3, "spatial"])
def test_resnet(shape: tuple[int, int, int], latents: int | str) -> None:
    torch.manual_seed(0)
    code = [2, *((side + 3) // 4 for side in shape[1:])] if latents == "spatial" else latents
    vae, x = resnet(shape, GaussianPerImage(), code, width=2), torch.rand(2, *shape)  # type: ignore[arg-type]
    terms = vae(x)
    assert vae.reconstruct(x).shape == x.shape
    assert terms.kl.shape == (2, vae.latents)
    (terms.distortion + terms.rate).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vae.parameters())


def test_resnet_refuses_small_images() -> None:
    with pytest.raises(UserError, match="of 32 to 128 pixels a side, but these are 1 x 28 x 28"):
        resnet((1, 28, 28), Gaussian())
    with pytest.raises(UserError, match=r"model\.blocks must be a whole number"):
        resnet((1, 32, 32), Gaussian(), blocks=0)


@pytest.mark.parametrize("shape", [(1, 8), (3, 100), (2, 1001)])
@pytest.mark.parametrize("likelihood", [Gaussian(), GaussianPerImage(), Categorical(7)])
def test_signals(shape: tuple[int, int], likelihood: Likelihood) -> None:
    vae = conv1d(shape, likelihood, latents=3, width=2, hidden=4)
    x = torch.randint(1, 7, (4, *shape)) / 7
    assert vae(x).kl.shape == (4, 3)
    assert vae.reconstruct(x).shape == x.shape
    along = conv1d(shape, likelihood, latents=[2, (shape[1] + 1) // 2], width=2)
    assert along.reconstruct(x).shape == x.shape
    assert along.latents == 2 * ((shape[1] + 1) // 2)


@pytest.mark.parametrize("shape", [(5,), (1, 7), (1, 8, 8)])
def test_other_data_is_no_signal(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"signals of \(channels, length\).*use model=mlp"):
        conv1d(shape, Gaussian())


@pytest.mark.parametrize(
    ("latents", "says"),
    [
        (
            [4, 5, 5],
            r"of examples of 28 x 28 there are spatial codes of \[C, 14, 14\], \[C, 7",
        ),
        ([4, 28, 28], "give one of these, or a number"),
        ([4, 7], "give one of these, or a number"),
        ([4, 0, 7], "model.latents is the number M of latents, or a list"),
        ([], "model.latents is the number M of latents, or a list"),
        (0, "model.latents is the number M of latents, or a list"),
        ("8", "model.latents is the number M of latents, or a list"),
        (2.5, "model.latents is the number M of latents, or a list"),
    ],
)
def test_a_code_that_no_halving_comes_to_is_refused(latents: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        conv((1, 28, 28), Gaussian(), latents)


@pytest.mark.parametrize("architecture", [mlp, linear])
@pytest.mark.parametrize(("latents", "says"), [([4, 8, 8], "or use model=conv"), (0, "not 0")])
def test_a_flat_model_has_a_number_of_latents(architecture: Any, latents: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        architecture((1, 8, 8), Gaussian(), latents=latents)


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
