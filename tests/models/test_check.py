"""Models that break the contract are refused in one line, before anything is trained."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tests.support.models import UNFACTORISED
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models import (
    VAE,
    Architecture,
    Model,
    check_model,
    conv,
    linear,
    mlp,
    model_cautions,
    resnet,
)
from betafront.objective import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Draw,
    Gaussian,
    GaussianPerImage,
    Likelihood,
)

SHAPE, LATENTS = (1, 4, 4), 3
X = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))


def encoder(out: int = 2 * LATENTS, *more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, out), *more)


def decoder(out: int = 16, *more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(LATENTS, out), *(more or (nn.Unflatten(1, (out // 16, 4, 4)),)))


class Wrapped(nn.Module):
    """A module with something done to what it gives."""

    def __init__(self, inner: nn.Module, after: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.inner = inner
        self.after = after

    def forward(self, x: Tensor) -> Any:
        return self.after(self.inner(x))


class Unlisted(nn.Module):
    """Its layers are in a plain list, in which torch does not find them."""

    def __init__(self, inner: nn.Module, own: bool) -> None:
        super().__init__()
        self.layers = [inner]
        if own:
            self.last = nn.Linear(2 * LATENTS, 2 * LATENTS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers[0](x)
        return self.last(x) if hasattr(self, "last") else x


def means(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :LATENTS], x[:, LATENTS:]


def fixed(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


WRONG: dict[str, tuple[nn.Module, nn.Module, str]] = {
    "width of the encoder": (
        encoder(8), decoder(),
        "the encoder (Sequential) is to give (B, 6), means and log variances of 3 latents, and gave"
        " (2, 8) of 2 examples: change its last layer, or take model.latents=4",
    ),
    "means alone": (
        encoder(3), decoder(),
        "gave (2, 3) of 2 examples: that is a mean alone, as of an autoencoder",
    ),
    "an encoder that does not flatten": (
        nn.Conv2d(1, 2, 3), decoder(),
        "gave (2, 2, 2, 2) of 2 examples: flatten it, or for a spatial code take "
        "model.latents=[1, 2, 2]",
    ),
    "an encoder that all but flattens": (
        Wrapped(encoder(), lambda x: x.unflatten(1, (2, 3))), decoder(),
        "gave (2, 2, 3) of 2 examples: end it in nn.Flatten()",
    ),
    "input of the encoder": (
        nn.Sequential(nn.Flatten(), nn.Linear(784, 6)), decoder(),
        "the encoder (Sequential) fails on 2 examples (2, 1, 4, 4) (it is to take (B, 1, 4, 4) and "
        "give (B, 6)): RuntimeError: ",
    ),
    "a dictionary": (
        Wrapped(encoder(), lambda x: dict(zip(("mean", "log_var"), means(x), strict=True))),
        decoder(),
        "gives a dictionary (mean, log_var), and is to give one tensor (B, 6), or the pair (means, "
        "log variances)",
    ),
    "three things": (
        Wrapped(encoder(), lambda x: (x, *means(x))), decoder(),
        "gives 3 things ((2, 6), (2, 3), (2, 3)), and is to give one tensor (B, 6)",
    ),
    "a pair of other widths": (
        Wrapped(encoder(8), lambda x: (x[:, :4], x[:, 4:])), decoder(),
        "gives a pair, of which the means are to be (B, 3) and are (2, 4) of 2 examples: change "
        "its last layer, or take model.latents=4",
    ),
    "a batch that is gone": (
        Wrapped(encoder(), Tensor.squeeze), decoder(),
        "gave (6,) of 1 example: the first dimension is the batch, and stays 1; look for squeeze()",
    ),
    "a batch of a written size": (
        Wrapped(encoder(), lambda x: x.view(1, -1)), decoder(),
        "gave (1, 12) of 2 examples: the first dimension is the batch, and stays 2",
    ),
    "integers": (
        Wrapped(encoder(), lambda x: x.round().long()), decoder(),
        "the encoder (Wrapped) gives int64, and is to give real numbers",
    ),
    "weights of another type": (
        encoder().double(), decoder(),
        "(its weights are float64, the data float32: encoder.float())",
    ),
    "flat output": (
        encoder(), decoder(16, nn.Identity()),
        "the decoder (Sequential) is to give (B, 1, 4, 4), the parameters of Gaussian, and gave "
        "(2, 16) of 2 examples: end it in nn.Unflatten(1, (1, 4, 4))",
    ),
    "output of another size": (
        encoder(), nn.Sequential(nn.Linear(3, 25), nn.Unflatten(1, (1, 5, 5))),
        "is to give (B, 1, 4, 4), the parameters of Gaussian, and gave (2, 1, 5, 5)",
    ),
    "a decoder of another width": (
        encoder(), nn.Sequential(nn.Linear(5, 16), nn.Unflatten(1, (1, 4, 4))),
        "the decoder (Sequential) fails on 2 codes (2, 3) (it is to take (B, 3) and give "
        "(B, 1, 4, 4)): RuntimeError",
    ),
    "output in two parts": (
        encoder(), Wrapped(decoder(), lambda x: (x, x)),
        "gives 2 things ((2, 1, 4, 4), (2, 1, 4, 4)), and is to give one tensor (B, 1, 4, 4)",
    ),
    "NaN of the encoder": (
        Wrapped(encoder(), lambda x: (-x.abs() - 1).log()), decoder(),
        "the encoder (Wrapped) gives NaN or infinity, in 12 of 12 numbers, before",
    ),
    "NaN of the decoder": (
        encoder(), Wrapped(decoder(), lambda x: x / 0),
        "the decoder (Wrapped) gives NaN or infinity, in 32 of 32 numbers, before",
    ),
    "variances that are too large": (
        Wrapped(encoder(), lambda x: x + 200), decoder(),
        "its draw (z) gives NaN or infinity",
    ),
    "no parameters": (
        nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(6)), nn.Sequential(
            nn.AdaptiveAvgPool1d(16), nn.Unflatten(1, (1, 4, 4))
        ),
        "VAE has no parameters to train, neither in its encoder (Sequential) nor in its decoder",
    ),
    "no parameters that are trained": (
        fixed(encoder()), fixed(decoder()), "has no parameters to train"
    ),
    "layers in a list": (
        Unlisted(encoder(), own=False), decoder(),
        "VAE computes with 2 weights that are no parameters of it, of the shapes ",
    ),
    "some layers in a list": (
        Unlisted(encoder(), own=True), decoder(), "computes with 2 weights that are no parameters"
    ),
    "an encoder that detaches": (
        Wrapped(encoder(), Tensor.detach), decoder(),
        "no gradient reaches the encoder (Wrapped): what it gives is detached from its weights",
    ),
    "a decoder that detaches": (
        encoder(), Wrapped(decoder(), lambda x: x.detach()),
        "no gradient reaches the decoder (Wrapped): what it gives is detached from its weights",
    ),
    "a decoder that detaches z": (
        encoder(), nn.Sequential(Wrapped(nn.Identity(), Tensor.detach), *decoder().children()),
        "no gradient reaches the encoder (Sequential): what the decoder gives is detached from z",
    ),
    "a gradient that is NaN": (
        Wrapped(encoder(), lambda x: x + (0 * x).abs().sqrt()), decoder(),
        "the gradient of the encoder (Wrapped) is NaN or infinite before",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_with_the_shapes(case: str) -> None:
    encodes, decodes, says = WRONG[case]
    with pytest.raises(UserError) as refused:
        check_model(VAE(encodes, decodes, Gaussian(), LATENTS), X)
    line = str(refused.value)
    assert line.startswith("model: ")
    assert "\n" not in line
    assert says in line


def test_a_decoder_with_too_few_parameters_is_told_how_many_there_are() -> None:
    with pytest.raises(UserError, match=r"\(B, 2, 4, 4\).* gave \(2, 1, 4, 4\).*has 2 parameters"):
        check_model(VAE(encoder(), decoder(), GaussianPerImage(), LATENTS), X)


RIGHT: dict[str, Architecture] = {
    "mlp": mlp,
    "linear": linear,
    **UNFACTORISED,
    "pair of tensors": lambda _, of: VAE(Wrapped(encoder(), means), decoder(), of, LATENTS),
    "frozen encoder": lambda _, of: VAE(fixed(encoder()), decoder(), of, LATENTS),
    "frozen decoder": lambda _, of: VAE(encoder(), fixed(decoder()), of, LATENTS),
    "batch norm and dropout": lambda _, of: VAE(
        encoder(6, nn.BatchNorm1d(6), nn.Dropout()), decoder(), of, LATENTS
    ),
    "lazy": lambda _, of: VAE(
        nn.Sequential(nn.Flatten(), nn.LazyLinear(6)),
        nn.Sequential(nn.LazyLinear(16), nn.Unflatten(1, (1, 4, 4))), of, LATENTS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_keeps_the_contract_is_taken(name: str) -> None:
    model = RIGHT[name](SHAPE, Gaussian())
    check_model(model, X)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all("R is sampled" in line for line in model_cautions(model))
    assert len(model_cautions(model)) == (not model.analytic_rate)


@pytest.mark.parametrize("likelihood", [Categorical(5), GaussianPerImage(), Bernoulli()])
@pytest.mark.parametrize("latents", [4, [2, 8, 8]])
def test_the_shipped_choices_keep_it(likelihood: Likelihood, latents: Any) -> None:
    x = torch.randint(0, 2, (2, 3, 32, 32)).float()
    for architecture in (partial(conv, hidden=4), resnet):
        check_model(architecture((3, 32, 32), likelihood, latents, width=2), x)


class Whole(Model):
    """A model of the user's own, which is no VAE of ours."""

    def __init__(self, wrong: str = "") -> None:
        super().__init__(LATENTS)
        self.likelihood = Gaussian()
        self.into, self.out = nn.Linear(16, LATENTS), nn.Linear(LATENTS, 16)
        self.wrong = wrong

    def draw(self, encoded: Tensor, noise: Any = None, *, draws: int = 1, **_: Any) -> Draw:
        z = self.into(encoded.flatten(1)).repeat_interleave(draws, 0)
        kl = z**2 / 2
        if self.wrong == "kl":
            kl = kl.sum(1)
        return Draw(z, kl)

    def means(self, encoded: Tensor) -> Tensor:
        return self.into(encoded.flatten(1))

    def prior(self, n: int, noise: Any = None) -> Tensor:
        return torch.zeros(n, LATENTS + (self.wrong == "prior"))

    def decode(self, z: Tensor) -> Tensor:
        if self.wrong == "decode":
            raise ValueError("not yet written")
        return self.out(z).unflatten(1, SHAPE)

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        each = -((self.out(z) - x.flatten(1)) ** 2)
        return each if self.wrong == "log_px" else each.sum(1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("kl", r"\(Whole\): its draw \(kl\) is to give \(2, 3\) for 2 examples, and gave \(2,\)"),
        ("log_px", r"its log_px is to give \(2,\) for 2 examples, and gave \(2, 16\)"),
        ("prior", r"its prior is to give \(2, 3\) for 2 examples, and gave \(2, 4\)"),
        ("decode", r"its decode fails for 2 examples .*ValueError: not yet written"),
    ],
)
def test_a_whole_model_is_held_to_its_contract(wrong: str, says: str) -> None:
    check_model(Whole(), X)
    with pytest.raises(UserError, match=says):
        check_model(Whole(wrong), X)


@pytest.mark.parametrize("end", [nn.Sigmoid(), nn.Tanh(), nn.Softmax(1)])
def test_a_decoder_that_ends_in_a_sigmoid_is_named_where_logits_are_taken(end: nn.Module) -> None:
    squashed = decoder(16, end, nn.Unflatten(1, SHAPE))
    for likelihood in (Bernoulli(), ContinuousBernoulli()):
        (said,) = model_cautions(VAE(encoder(), squashed, likelihood, LATENTS))
        assert f"ends in a {type(end).__name__.lower()}" in said
    assert not model_cautions(VAE(encoder(), squashed, Gaussian(), LATENTS))  # its mean may be so
    inside = decoder(16, end, nn.Linear(16, 16), nn.Unflatten(1, SHAPE))
    assert not model_cautions(VAE(encoder(), inside, Bernoulli(), LATENTS))
