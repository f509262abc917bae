"""The inverse dispersion of a negative binomial: one for all, one per data dimension, or of z."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.objective.likelihoods.spread import between

Mode = Literal["shared", "per_dimension", "decoder"]

# At θ = 10⁻³ all but one in hundreds of counts are 0, and at 10⁶ it is a Poisson for any count.
LOG_LEAST, LOG_MOST = math.log(1e-3), math.log(1e6)


class Dispersion(nn.Module):
    """θ in the variance `mean + mean² / θ`, kept softly between 10⁻³ and 10⁶.

    Args:
        mode: `shared`, one for all data dimensions; `per_dimension`, one for each (a gene, an
            item), both learned by gradient as parameters of the model; or `decoder`, which gives
            one for each data dimension of each example.
        start: where learning starts; of the decoder, θ at an output of 0.

    Raises:
        UserError: the mode is none of these, or θ cannot start there.
    """

    def __init__(self, mode: Mode, start: float) -> None:
        super().__init__()
        if mode not in get_args(Mode):
            raise UserError(f"likelihood.mode is shared, per_dimension or decoder, not '{mode}'")
        if (
            isinstance(start, bool)
            or not isinstance(start, int | float)
            or not math.exp(LOG_LEAST) < start < math.exp(LOG_MOST)
        ):
            raise UserError(
                f"likelihood.dispersion is θ, where it starts, from 0.001 to 1,000,000, not {start}"
            )
        self.mode = mode
        self.start = math.log(start)
        self.raw_log: nn.Parameter | None = None
        if mode == "shared":
            self.raw_log = nn.Parameter(torch.tensor(self.start))

    def suit(self, shape: tuple[int, ...]) -> None:
        """Make a parameter for each data dimension of examples of `shape`, once."""
        if self.mode == "per_dimension" and self.raw_log is None:
            self.raw_log = nn.Parameter(torch.full(shape, self.start))

    def theta(self, raw: Tensor | None) -> Tensor:
        """θ, broadcasting to (B, C, …).

        Args:
            raw: (B, C, …) of the decoder, where it gives θ.
        """
        if raw is not None:
            return between(raw + self.start, LOG_LEAST, LOG_MOST).exp()
        if self.raw_log is None:
            raise UserError(
                "likelihood.mode=per_dimension has a dispersion for each data dimension, and was "
                "not told how many there are: call likelihood.suit(shape), of one example, before "
                "the model is made"
            )
        return between(self.raw_log, LOG_LEAST, LOG_MOST).exp()
