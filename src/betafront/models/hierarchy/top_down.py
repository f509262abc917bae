"""The ladder: inference down the hierarchy, corrected at each layer by what comes up from x."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from betafront.models.hierarchy.hierarchy import Hierarchy, log_ratio_of, standard
from betafront.models.posterior import Posterior, standard_normal
from betafront.objective import Draw


class Rungs(nn.Module):
    """The deterministic way up: of (B, …) examples a Gaussian for each layer, bottom to top.

    Args:
        steps: from x to the features of the first layer, and from those of each layer to the next.
        gaussians: from the features of each layer to a Gaussian of its latents.
    """

    def __init__(self, steps: Sequence[nn.Module], gaussians: Sequence[nn.Module]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.gaussians = nn.ModuleList(gaussians)

    def forward(self, x: Tensor) -> list[Posterior]:
        found = []
        for step, gaussian in zip(self.steps, self.gaussians, strict=True):
            x = step(x)
            found.append(gaussian(x))
        return found


class Ladder(Hierarchy):
    """The Ladder VAE. `q(z|x) = q(z_L|x) q(z_{L-1}|z_L, x) … q(z_1|z_2, x)`: that of the uppermost
    layer comes from x alone; that of each other one is the product of the Gaussian that comes up
    from x with p(z_i|z_{i+1}), their means weighted by their precisions.

    Each layer's KL is in closed form given the draw of the layer above, and what the layers share
    with the prior has no part in it.

    Args:
        widths, priors, decoder, likelihood: as in `Hierarchy`.
        encoder: `Rungs`, or any other module from (B, …) to a Gaussian for each layer.

    Source: Sønderby et al. 2016, Ladder Variational Autoencoders.
    """

    def draw(  # type: ignore[override]
        self,
        encoded: list[Posterior],
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        z: list[Tensor] = []
        kl: list[Tensor] = []
        ratios: list[Tensor] = []
        for q, p in self._downwards([each.repeated(draws) for each in encoded], z):
            normal = standard_normal(q.mean.shape, noise, q.mean)
            z.insert(0, q.at(normal))
            kl.insert(0, q.kl(p))
            if log_ratio:
                ratios.append(log_ratio_of(q, p, normal).sum(1))
        ratio = torch.stack(ratios).sum(0) if log_ratio else None
        return Draw(torch.cat(z, 1), torch.cat(kl, 1), ratio)

    def means(self, encoded: list[Posterior]) -> Tensor:  # type: ignore[override]
        z: list[Tensor] = []
        for q, _ in self._downwards(encoded, z):
            z.insert(0, q.mean)
        return torch.cat(z, 1)

    def _downwards(
        self, up: list[Posterior], z: list[Tensor]
    ) -> Iterator[tuple[Posterior, Posterior]]:
        """Q and p of each layer, the uppermost first; each is asked for once the layers above are
        in `z`."""
        top = up[-1]
        yield top, standard(top.mean)
        for from_below, conditional in zip(reversed(up[:-1]), reversed(self.priors), strict=True):
            p = conditional(z[0])
            yield merged(from_below, p), p


def merged(one: Posterior, other: Posterior) -> Posterior:
    """The normalised product of two Gaussians: precisions add up, and weigh the means."""
    part = torch.sigmoid(other.log_var - one.log_var)  # of `one`, in the precision of both
    log_var = -torch.logaddexp(-one.log_var, -other.log_var)
    return Posterior(torch.lerp(other.mean, one.mean, part), log_var)
