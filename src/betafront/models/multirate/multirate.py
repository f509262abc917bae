"""A VAE conditioned on β: one training, one model for each weight of a range."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.family import Family
from betafront.models.model import MakePrior, Observed, Shape
from betafront.models.multirate.conditioning import Conditioning, Features
from betafront.models.multirate.hook import Film, Gate, Hook, LatentGates
from betafront.models.multirate.layers import AFFINE, Layer, conditioned
from betafront.models.multirate.spread import SpreadOfBeta
from betafront.models.vae import VAE
from betafront.objective import Draw, Likelihood, Varied
from betafront.objective.likelihoods.spread import Spread

NEAR = 0.3
"""The standard deviation in log β of what is near to the β at which the family stands."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""Whose multiples, without their whole parts, are spread evenly over 0 to 1, however many."""

Kind = Literal["film", "gates"]


class MultiRate(Family):
    """A family around a VAE: its layers are scaled and shifted by polygons over log β, and a
    learned or optimal scale of its likelihood is a learned function of β.

    In training each example has its own β, log-uniform over the range and spread evenly over the
    batch; the loss of an example is divided by (1 + β) to the power `balance`.

    Args:
        vae: fresh, with its weights.
        dims: of a batch of examples.
        low, high, points: as in `Family`.
        kind: `film`, or the `gates` of Bae et al.
        balance: as above: 0 leaves the loss as it is, under which the largest β decide the step.

    Source: Bae et al. 2023 (Multi-Rate VAE); Perez et al. 2018 (FiLM).
    """

    def __init__(
        self,
        vae: VAE,
        dims: int,
        low: float,
        high: float,
        points: int,
        kind: Kind = "film",
        balance: float = 1.0,
    ) -> None:
        super().__init__(vae.widths, vae.latent_shape, low, high, points)
        if kind not in ("film", "gates"):
            raise UserError(f"model.kind is film or gates, not '{kind}'")
        if not isinstance(balance, int | float) or not 0 <= balance <= 1:
            raise UserError(f"model.balance is a number from 0 to 1, not {balance}")
        self.balance = balance
        self.vae = vae
        self.features = Features(self.low, self.high, plain=kind == "gates")
        self.conditioning = Conditioning(self.features)
        make = _films if kind == "film" else _gates
        self.hooks = nn.ModuleDict(make(self.conditioning, conditioned(vae)))
        if not self.hooks:
            raise UserError(
                f"model=multirate: {type(vae).__name__} has no dense, convolutional or "
                "normalising layer that could be conditioned on β"
            )
        spread = getattr(vae.likelihood, "spread", None)
        if isinstance(spread, Spread) and spread.mode != "fixed":
            vae.likelihood.spread = SpreadOfBeta(spread, self.conditioning, dims)
        self._handles = self._hung(vae)

    @property
    def likelihood(self) -> Likelihood:  # type: ignore[override]
        return self.vae.likelihood

    @property
    def factorised(self) -> bool:
        return self.vae.factorised

    @property
    def gaussian_posterior(self) -> bool:
        return self.vae.gaussian_posterior

    @property
    def analytic_rate(self) -> bool:
        return self.vae.analytic_rate

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Those of the encoder and of what conditions its layers."""
        hooks = (hook for name, hook in self.hooks.items() if name.startswith("encoder"))
        return [*self.vae.encoder_parameters(), *(p for hook in hooks for p in hook.parameters())]

    def set_prior(self, make: MakePrior, shape: Shape) -> None:
        """Give all members of the family another p(z), the same for every β."""
        self.vae.set_prior(make, shape)

    def start_from(self, drawn: Callable[[int], Tensor]) -> None:
        self.vae.start_from(drawn)

    def stand_at(self, beta: float) -> None:
        super().stand_at(beta)
        self.conditioning.beta = self.beta

    @contextmanager
    def vary(self, n: int, noise: torch.Generator | None = None) -> Iterator[Varied | None]:
        if not self.training:
            yield None
            return
        # Each is log-uniform, and there is one in each n-th part of the range, which makes the mean
        # over a batch less noisy.
        device = self.own_tensor().device
        places = torch.randperm(n, generator=noise, device=device)
        within = torch.rand(n, generator=noise, device=device)
        with self._at_each((places + within) / n) as varied:
            yield varied

    @contextmanager
    def spread(self, first: int, n: int) -> Iterator[Varied]:
        numbers = torch.arange(first, first + n, device=self.own_tensor().device)
        with self._at_each((numbers.double() * GOLDEN).frac().float()) as varied:
            yield varied

    @contextmanager
    def _at_each(self, places: Tensor) -> Iterator[Varied]:
        """A context in which each example has the β at its place, 0 to 1, in the range."""
        beta = self.low * (self.high / self.low) ** places
        near = torch.softmax(-0.5 * (torch.log(beta / self.beta) / NEAR) ** 2, 0)
        with self.conditioning.of_each(beta):
            yield Varied(beta, (1 + beta) ** -self.balance, near)

    def encode(self, x: Tensor) -> Any:
        return self.vae.encode(x)

    def draw(
        self,
        encoded: Any,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        return self.vae.draw(encoded, noise, draws=draws, log_ratio=log_ratio)

    def means(self, encoded: Any) -> Tensor:
        return self.vae.means(encoded)

    def prior(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return self.vae.prior(n, noise)

    def decode(self, z: Tensor) -> Tensor:
        return self.vae.decode(z)

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        return self.observe(z, x).log_px

    def observe(self, z: Tensor, x: Tensor, *, mean: bool = False) -> Observed:
        seen = self.vae.observe(z, x, mean=mean)
        if not self.likelihood.density:
            return seen
        return seen._replace(log_px=seen.log_px - self.log_volume)

    def remember(self, statistic: Tensor | None) -> None:
        self.vae.remember(statistic)

    @torch.no_grad()
    def at(self, beta: float) -> VAE:
        beta = self.inside(beta)
        with self._plain():
            member = deepcopy(self.vae)
        features = self.features(torch.tensor([beta], device=self.own_tensor().device))
        for name, hook in self._each_hook():
            hook.fold(member.get_submodule(name), features)
        spread = getattr(member.likelihood, "spread", None)
        if isinstance(spread, SpreadOfBeta):
            member.likelihood.spread = spread.at(features)
        member.log_volume = self.log_volume
        return member

    def _each_hook(self) -> Iterator[tuple[str, Hook]]:
        """The hooks, each with the name of its layer."""
        for key, hook in self.hooks.items():
            assert isinstance(hook, Hook)
            yield key.removesuffix(GIVEN).replace("/", "."), hook

    def _hung(self, vae: VAE) -> list[Any]:
        """The handles of the hooks, hung on the layers of the VAE."""
        return [hook.hang_on(vae.get_submodule(name)) for name, hook in self._each_hook()]

    @contextmanager
    def _plain(self) -> Iterator[None]:
        """A context in which no hook hangs on the model, so that it can be copied without."""
        for handle in self._handles:
            handle.remove()
        try:
            yield
        finally:
            self._handles = self._hung(self.vae)


GIVEN = "/given"
"""What the key of the hook on what a layer is given ends in."""


def _films(conditioning: Conditioning, layers: list[Layer]) -> dict[str, nn.Module]:
    """A scale and a shift for every layer, and for the latents as the decoder is given them."""
    hooks: dict[str, nn.Module] = {_key(one): Film(conditioning, one) for one in layers}
    first = next((one for one in layers if one.part == "decoder"), None)
    if first is not None and isinstance(first.module, AFFINE) and not _in_groups(first):
        hooks[_key(first) + GIVEN] = LatentGates(conditioning, first)
    return hooks


def _gates(conditioning: Conditioning, layers: list[Layer]) -> dict[str, nn.Module]:
    """A gate for every hidden layer: none for what the encoder gives, for the first layer of the
    decoder and for what it gives."""
    encoder = [one for one in layers if one.part == "encoder"][:-1]
    decoder = [one for one in layers if one.part == "decoder"][1:-1]
    return {_key(one): Gate(conditioning, one) for one in [*encoder, *decoder]}


def _in_groups(layer: Layer) -> bool:
    """Whether each output of a convolution sees a part of its inputs alone."""
    return getattr(layer.module, "groups", 1) > 1


def _key(layer: Layer) -> str:
    return layer.name.replace(".", "/")
