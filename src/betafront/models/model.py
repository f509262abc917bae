"""The contract of a model: the one definition of its distortion and its rate."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.batch_statistics import collecting, statistic_of
from betafront.objective import Draw, Likelihood, Terms, Varied

if TYPE_CHECKING:
    from betafront.models.priors import Prior

Shape = tuple[int, ...]
"""Of one example: channels, height and width of an image, the length of a vector."""


DRAWN = 1000  # from a prior whose moments are not known


class Observed(NamedTuple):
    """What one pass of the decoder says of a batch.

    Attributes:
        log_px: (B,) log p(x|z) in nats.
        mean: (B, …) E[x|z] without a gradient, where it was asked for and x has a mean.
        statistic: as in `Terms`.
    """

    log_px: Tensor
    mean: Tensor | None = None
    statistic: Tensor | None = None


class Model(nn.Module, ABC):
    """q(z|x), p(z) and p(x|z). Training, validation, every metric and every picture read a model
    through these methods alone, so what one of them is made to say, all see.

    A model of one's own gives `draw`, `means`, `prior`, `decode` and `log_px`, and may give the
    others where that is cheaper. It cannot override `forward`, which nothing but training reads.

    Args:
        latents: M, or the widths of the layers of a hierarchy.
        latent_shape: of the code of one example, (M,) by default: (C, h, w) of a spatial code, M
            being C·h·w. Inside this contract z is (B, M) all the same, its channels one after the
            other; `shaped` gives it the shape that an encoder and a decoder have it in.

    Attributes:
        likelihood: p(x|z), whose support the data is checked against; set by the subclass.
        widths: latent dimensions of each stochastic layer, in the order of the columns of z.
        latent_shape: as above.
        log_volume: nats per example that a density owes to the scale of the examples
            (`Data.log_volume`: the cells of dequantised data, the scales of standardised columns),
            which `log_px` and `observe` take off; 0 for other data.
    """

    likelihood: Likelihood

    def __init__(
        self, latents: int | Sequence[int], latent_shape: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.widths = (latents,) if isinstance(latents, int) else tuple(latents)
        self.latent_shape = (self.latents,) if latent_shape is None else tuple(latent_shape)
        if math.prod(self.latent_shape) != self.latents:
            raise UserError(
                f"a model of {self.latents} latents cannot have codes of the shape "
                f"{self.latent_shape}: latents is the product of latent_shape"
            )
        self.log_volume = 0.0

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "forward" in vars(cls) or "infer" in vars(cls):
            raise UserError(
                f"{cls.__name__} overrides forward or infer, which evaluation does not read: "
                "override encode, draw, observe or log_px (see betafront.models.Model)"
            )
        if "log_px" in vars(cls) and "observe" not in vars(cls):
            cls.observe = Model.observe  # type: ignore[method-assign]  # else D had two definitions

    @property
    def latents(self) -> int:
        """M, the number of latent dimensions of all layers."""
        return sum(self.widths)

    @property
    def factorised(self) -> bool:
        """Whether q(z|x) is a diagonal Gaussian, which `encode` gives as a `Posterior`, and p(z) is
        N(0, 1). What needs that asks `betafront.objective.require_factorised`."""
        return False

    @property
    def gaussian_posterior(self) -> bool:
        """Whether q(z|x) of all M latents is a diagonal Gaussian, which `encode` gives as a
        `Posterior`, whatever p(z) is."""
        return self.factorised

    def encoder_parameters(self) -> list[nn.Parameter]:
        """The parameters of q(z|x) alone, which `trainer.aggressive` trains by themselves.

        Raises:
            UserError: the model does not say which they are.
        """
        raise UserError(
            f"{type(self).__name__} does not say which of its parameters are the encoder's: give "
            "it encoder_parameters (see betafront.models.Model)"
        )

    @property
    def analytic_rate(self) -> bool:
        """Whether the rate of an example is KL(q(z|x) || p(z)) in closed form, the same for every
        draw of z; else R is a mean over draws, and has their error."""
        return False

    def set_prior(self, make: "MakePrior", shape: Shape) -> None:
        """Give the model another p(z) than it is made with.

        Args:
            make: makes it.
            shape: of one example.

        Raises:
            UserError: the model has a prior of its own.
        """
        raise UserError(
            f"prior: {type(self).__name__} has a prior of its own, and takes no other: leave it at "
            "prior=standard"
        )

    def start_from(self, drawn: Callable[[int], Tensor]) -> None:
        """Start from examples of the data, before the first step of training.

        Args:
            drawn: gives so many examples of the training split, drawn at random, or all where there
                are fewer; on the CPU.

        Raises:
            UserError: the model cannot start from these.
        """

    def encode(self, x: Tensor) -> Any:
        """What `draw` and `means` need of x, so that many draws run the encoder once; x itself by
        default.

        Args:
            x: (B, …).
        """
        return x

    @abstractmethod
    def draw(
        self,
        encoded: Any,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        """Draws from q(z|x) with their rates.

        Args:
            encoded: what `encode` gave for B examples.
            noise: where the noise comes from; None is the global generator (`standard_normal`).
            draws: of each example, side by side.
            log_ratio: give `Draw.log_ratio` too.
        """

    @abstractmethod
    def means(self, encoded: Any) -> Tensor:
        """(B, M) the means of q(z|x), or the z that stands for x where there is no such mean."""

    @abstractmethod
    def prior(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        """(n, M) draws from p(z)."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """(n, …) E[x|z] of (n, M) codes: the reconstruction to look at."""

    @abstractmethod
    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        """(B,) log p(x|z) in nats; may look at x, as a decoder that is forced to it does. Of a
        density `log_volume` is taken off: of dequantised data it then bounds the log mass of the
        discrete image, and densities and masses are on one scale; of standardised columns it is in
        their own units."""

    def observe(self, z: Tensor, x: Tensor, *, mean: bool = False) -> Observed:
        """`log_px` and what else the same pass of the decoder gives.

        Args:
            z: (B, M).
            x: (B, …).
            mean: give `Observed.mean` too, if x has a mean.
        """
        if not mean:
            return Observed(self.log_px(z, x))
        with torch.no_grad():
            expected = self.decode(z)
        return Observed(self.log_px(z, x), expected)

    def infer(
        self,
        x: Tensor,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        """Draws from q(z|x) of (B, …) examples: `draw` of what `encode` gives."""
        return self.draw(self.encode(x), noise, draws=draws, log_ratio=log_ratio)

    def forward(
        self,
        x: Tensor,
        noise: torch.Generator | None = None,
        *,
        mse: bool = False,
        draws: int = 1,
    ) -> Terms:
        """The terms of the objective.

        Args:
            x: (B, …).
            noise: where the noise of z comes from; the global generator by default.
            mse: measure the squared error too, which of some likelihoods costs more than the rest.
            draws: of z per example, decoded at once; of several the terms have their log ratios.

        Raises:
            UserError: of several draws, the model gives no log ratio.
        """
        with collecting() as learned, self.vary(len(x), noise) as varied:
            draw = self.infer(x, noise, draws=draws, log_ratio=draws > 1)
            if draws > 1:
                if draw.log_ratio is None:
                    raise UserError(
                        f"model: draw of {type(self).__name__} gives no log_ratio, which "
                        f"objective.draws={draws} needs"
                    )
                x = x.repeat_interleave(draws, 0)
            seen = self.observe(draw.z, x, mean=mse)
        squares = None if seen.mean is None else ((seen.mean - x) ** 2).flatten(1).mean(1)
        layers = statistic_of(self, learned)
        return Terms(seen.log_px, draw.kl, draw, squares, seen.statistic, layers, varied)

    def vary(
        self, n: int, noise: torch.Generator | None = None
    ) -> AbstractContextManager[Varied | None]:
        """A context in which each of the n examples of a batch has its own β, of a family in
        training mode (`betafront.models.Family`); of other models nothing is different in it.

        Args:
            n: examples.
            noise: where the β are drawn from.
        """
        return nullcontext()

    def code(self, x: Tensor) -> Tensor:
        """(B, M) the posterior means of (B, …) examples."""
        return self.means(self.encode(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        """(B, …) E[x|z] at the posterior mean of each example."""
        return self.decode(self.code(x))

    def moved(self, z: Tensor, latents: Sequence[int], by: Tensor) -> Tensor:
        """(k, n, M) codes, for each of k latents those in which it alone has another value, as a
        traversal shows it.

        Args:
            z: (n, M).
            latents: k columns.
            by: (n,) standard deviations of the prior from its mean, in each code.
        """
        mean, deviation = self.prior_moments(z)
        codes = z.repeat(len(latents), 1, 1)
        for code, latent in zip(codes, latents, strict=True):
            code[:, latent] = mean[latent] + by * deviation[latent]
        return codes

    def prior_moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """(M,) the mean and the standard deviation of each latent under p(z), measured on draws
        where it is not N(0, 1).

        Args:
            like: any tensor of the type and on the device that they are to have.
        """
        if self.factorised:
            return like.new_zeros(self.latents), like.new_ones(self.latents)
        drawn = self.prior(DRAWN, torch.Generator().manual_seed(0)).to(like)
        return drawn.mean(0), drawn.std(0)

    def remember(self, statistic: Tensor | None) -> None:
        """Keep what the likelihood learns otherwise than by gradient, once a step is taken.

        Args:
            statistic: `Terms.statistic` of the batch.
        """
        self.likelihood.remember(statistic)

    def shaped(self, z: Tensor) -> Tensor:
        """(n, *latent_shape) of (n, M) codes."""
        return z if len(self.latent_shape) == 1 else z.unflatten(1, self.latent_shape)

    def own_tensor(self) -> Tensor:
        """Some floating-point tensor of the model, which has its type and lies on its device."""
        owned = chain(self.parameters(), self.buffers())
        return next((t for t in owned if t.is_floating_point()), torch.empty(0))


def blank(model: Model, n: int, shape: Shape) -> Tensor:
    """(n, …) examples that hold nothing, to try a model with: zeros, which of symbols are padding.

    Args:
        model: for whose data they are.
        n: how many.
        shape: of one.
    """
    dtype = torch.long if model.likelihood.of_symbols else torch.get_default_dtype()
    return torch.zeros(n, *shape, dtype=dtype)


Architecture = Callable[[Shape, Likelihood], Model]
"""What a choice of `conf/model` becomes: an example's shape and the likelihood give a model."""

MakePrior = Callable[[Any, Shape], "Prior"]
"""What a choice of `conf/prior` becomes: a `betafront.models.VAE` and an example's shape give a
prior."""
