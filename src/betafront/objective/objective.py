"""The loss of a batch: the number that is minimised, from the terms that a model returns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.controllers import Controller, Observation, OpenLoop
from betafront.objective.importance import (
    bound,
    check_likelihood,
    check_number,
    check_several,
    log_weights,
)
from betafront.objective.likelihoods import Likelihood
from betafront.objective.penalties import Penalty
from betafront.objective.schedules import Constant, Schedule
from betafront.objective.shaping import Plain, Shaping
from betafront.objective.terms import Code, Draw, Terms, Varied, require_factorised
from betafront.scale import Normalisation, Weights, beta_norm


class Step(NamedTuple):
    """The loss of one optimiser step, and the weights in force.

    Attributes:
        loss: () the number to minimise, in the user's own convention.
        state: of the controller, for the next step.
        beta: () the canonical β in force, the derivative of the loss by R over that by D; of free
            bits, that of the groups above their threshold.
        penalty: () the weighted sum of the penalties, on the scale on which D has weight 1.
        distortion, rate: () the means of D and R over the batch, at the weight that is written;
            without gradients.
    """

    loss: Tensor
    state: Tensor
    beta: Tensor
    penalty: Tensor
    distortion: Tensor
    rate: Tensor


@dataclass(frozen=True)
class Objective:
    """`w_D · (D + s(t) · β · shaped(R) + Σ penalties)`, averaged over the batch: a pure function of
    tensors. Of several draws of z per example, `betafront.objective.importance` says what stands
    there in place of D + s(t) · β · R.

    Args:
        weight: the number written in front of the KL, in the convention of `normalisation`; where a
            controller sets β, the initial one.
        normalisation: the convention in which `weight` is read.
        pixels: N, the number of data dimensions (channels x height x width).
        latents: M, the number of latent dimensions.
        examples: n, the number of training examples; used by penalties alone.
        schedule: the factor s on β as a function of progress.
        shaping: the function of the KL in place of R.
        controller: sets β; where it is an open loop, `weight` does.
        penalties: further terms.
        draws: k, of z per example, whose mean weight is maximised where there are several.
        widths: latents of each layer of a hierarchy, bottom to top, M in all; one layer by default.
        family: whether the model draws a β for each example (`Terms.varied`); `weight` is then the
            one at which it is evaluated.

    Raises:
        UserError: the weight is negative or not finite, or two parts of the weighting contradict
            each other.
    """

    weight: float
    normalisation: Normalisation
    pixels: int
    latents: int
    examples: int = 0
    schedule: Schedule = field(default_factory=Constant)
    shaping: Shaping = field(default_factory=Plain)
    controller: Controller = field(default_factory=OpenLoop)
    penalties: Sequence[Penalty] = ()
    draws: int = 1
    widths: Sequence[int] = ()
    family: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise UserError(f"objective.weight must be finite and not negative, not {self.weight}")
        shaping = self.shaping.of_layers(self.widths or (self.latents,))
        object.__setattr__(self, "shaping", shaping)
        if self.controller.closed and not isinstance(self.schedule, Constant):
            raise UserError(
                "a controller sets β, and a schedule would pull at it: use schedule=constant; the "
                "controller's target has a schedule of its own, schedule@controller.schedule=…"
            )
        if self.controller.closed and not isinstance(self.shaping, Plain):
            raise UserError(
                "a controller and a shaped rate both hold R or D to a target: use one of "
                "controller=… and shaping=…"
            )
        check_number(self.draws)
        if self.family:
            self._check_family()
        if self.draws > 1:
            most = self.normalisation.weight(1.0, self.pixels, self.latents)
            check_several(self.draws, self.beta, most, self.shaping, self.controller)

    @cached_property
    def weights(self) -> Weights:
        """The weights of D and R as written, once the schedule has reached 1."""
        return self.normalisation.weights(self.weight, self.pixels, self.latents)

    @property
    def beta(self) -> float:
        """The canonical β as written."""
        return self.weights.beta

    @property
    def beta_norm(self) -> float:
        """β·M/N as written."""
        return beta_norm(self.beta, self.pixels, self.latents)

    @property
    def minimised(self) -> str:
        """What is minimised on the scale on which D has weight 1, in words."""
        if self.family:
            return "the mean of D + βR over the range of β"
        return "D + βR" if self.draws == 1 else f"the bound of {self.draws} draws"

    @property
    def weighs_one_beta(self) -> bool:
        """Whether what is minimised is D + βR at the β as written."""
        return self.draws == 1 and not self.family

    def held_to(self, progress: float) -> float:
        """The value that the rate, a part of it, or the distortion is held to; NaN where there is
        none."""
        return self._holder.held_to(progress)

    @property
    def holds(self) -> str:
        """The quantity that is held to it: `rate`, `distortion`, `mse`, `part` (of the rate); empty
        for none."""
        return self._holder.holds

    @property
    def _holder(self) -> Controller | Shaping:
        return self.controller if self.controller.closed else self.shaping

    def start(self) -> Tensor:
        """The controller's state before the first step."""
        return self.controller.start(self.beta)

    def step(self, terms: Terms, progress: float, state: Tensor) -> Step:
        """The loss of a batch, and the state for the next.

        Args:
            terms: of the batch, with as many draws of each example as `draws` says.
            progress: in [0, 1].
            state: of the controller.

        Raises:
            UserError: a batch of one, which is too small for penalties.
        """
        factor = self.schedule(progress)
        beta = factor * self.controller.beta(state, self.beta)
        plain = type(self.shaping) is Plain
        distortion, rate = None, None
        if terms.varied is not None:
            canonical = self._of_each(terms, terms.varied, factor)
        elif self.draws == 1:
            distortion, shaped = terms.distortion.mean(), self.shaping(terms.kl, progress)
            canonical = distortion + beta * shaped
            rate = shaped if plain else None
        else:
            canonical = self._bound(terms, beta).mean().to(terms.log_px.dtype)
        if distortion is None:  # the loss is made of something else
            distortion = terms.mean(terms.distortion.detach())
        if rate is None:
            rate = terms.mean(terms.rate.detach())
        distortion, rate = distortion.detach(), rate.detach()
        if self.penalties:
            penalty = self._penalty(terms.draw)
            canonical = canonical + penalty
        else:
            penalty = canonical.new_zeros(())
        unit = self.weights.distortion
        return Step(
            canonical if not isinstance(unit, Tensor) and unit == 1 else unit * canonical,
            self._next(terms, distortion, rate, progress, state),
            canonical.new_full((), beta)
            if plain and isinstance(beta, float)
            else beta * self.shaping.slope(terms.kl.detach(), progress),
            penalty.detach(),
            distortion,
            rate,
        )

    def _of_each(self, terms: Terms, varied: Varied, factor: float) -> Tensor:
        """() the mean over the batch of D + s·β·R, each example with its own β and its share."""
        return (varied.share * (terms.distortion + factor * varied.beta * terms.rate)).mean()

    def _bound(self, terms: Terms, beta: float | Tensor) -> Tensor:
        """(B,) float64 what several draws of each example make of D + βR."""
        if terms.draw is None or terms.draw.log_ratio is None:
            raise ValueError("several draws need the log_ratio of each")
        return bound(log_weights(terms.log_px, terms.draw.log_ratio, beta, self.draws))

    def loss(self, terms: Terms, progress: float) -> Tensor:
        """The scalar to minimise, in the user's own convention: its gradient differs between
        normalisations by a constant factor. Under a controller, with the β of its start."""
        return self.step(terms, progress, self.start()).loss

    def _next(
        self, terms: Terms, distortion: Tensor, rate: Tensor, progress: float, state: Tensor
    ) -> Tensor:
        if not self.controller.closed:
            return state
        mse = None if terms.mse is None else terms.mse.detach().mean()
        return self.next_state(distortion, rate, mse, progress, state)

    def next_state(
        self, distortion: Tensor, rate: Tensor, mse: Tensor | None, progress: float, state: Tensor
    ) -> Tensor:
        """The state of the controller after a step.

        Args:
            distortion, rate: () means over the examples of the step, in nats.
            mse: () of these the squared error per data dimension, where it was measured.
            progress: in [0, 1], of the step.
            state: of the controller, in the step.
        """
        if not self.controller.closed:
            return state
        if mse is None and self.controller.holds == "mse":
            raise ValueError("a controller of the squared error needs the mse of the batch")
        seen = torch.full_like(rate, math.nan) if mse is None else mse
        observed = Observation(distortion, rate, seen, self.pixels)
        return self.controller.step(state, observed, progress)

    def _penalty(self, draw: Draw | None) -> Tensor:
        """() as `penalty`, of the first draw of each example."""
        code = draw.code if draw else None
        if code is not None and self.draws > 1:
            code = Code(*(each[:: self.draws] for each in code))
        return self.penalty(code)

    def penalty(self, code: Code | None) -> Tensor:
        """() the weighted sum of the penalties, on the scale on which D has weight 1.

        Raises:
            UserError: a batch of one.
        """
        if code is None:
            raise ValueError("penalties need the code of the batch")
        self.check_batch(len(code.z))
        return torch.stack([p.weight * p(code, self.examples) for p in self.penalties]).sum()

    def check_model(self, factorised: bool) -> None:
        """Refuse a model on which the penalties, or reading β off it, cannot work.

        Args:
            factorised: of the model.

        Raises:
            UserError: it is not factorised.
        """
        if self.penalties:
            require_factorised(factorised, "a penalty")
        if not self.shaping.weighs_rate:
            name = type(self.shaping).__name__
            require_factorised(factorised, f"the β of shaping {name}")

    def _check_family(self) -> None:
        """Refuse what has no meaning where each example has its own β.

        Raises:
            UserError: a controller sets β, the rate is shaped, or there are several draws.
        """
        for key, plain, refused in (
            ("controller", "none", self.controller.closed),
            ("shaping", "plain", not isinstance(self.shaping, Plain)),
            ("objective.draws", "1", self.draws > 1),
        ):
            if refused:
                raise UserError(
                    f"model=multirate draws a β for every example and weighs its rate by it: leave "
                    f"{key} at {plain}, or choose another model"
                )

    def check_mean(self, has_mean: bool) -> None:
        """Refuse to hold the squared error of what has none.

        Args:
            has_mean: whether E[x|z] exists, as it does of numbers and not of symbols.

        Raises:
            UserError: it does not.
        """
        if self.holds == "mse" and not has_mean:
            raise UserError(
                "controller.watches=mse: sentences have no squared error: use "
                "controller.watches=distortion"
            )

    def check_likelihood(self, likelihood: Likelihood) -> None:
        """Refuse a likelihood that cannot be trained with several draws.

        Args:
            likelihood: of the model.

        Raises:
            UserError: its scale is fitted to the batch.
        """
        check_likelihood(self.draws, likelihood)

    def check_batch(self, size: int) -> None:
        """Refuse a batch that the penalties cannot work on.

        Raises:
            UserError: it has one example.
        """
        if self.penalties and size < 2:
            raise UserError(
                "penalties compare the examples of a batch: trainer.batch_size must be at least 2"
            )
