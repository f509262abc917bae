"""The plain hierarchy: inference up from x, each layer from the draw of the one below."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from betafront.models.hierarchy.hierarchy import Hierarchy, log_ratio_of
from betafront.models.posterior import Posterior, standard_normal
from betafront.objective import Draw, Likelihood


class BottomUp(Hierarchy):
    """`q(z|x) = q(z_1|x) q(z_2|z_1) … q(z_L|z_{L-1})`, the inference of a plain VAE of several
    layers.

    The uppermost layer's KL against N(0, 1) is in closed form given the draw below. The others have
    no closed form: z_{i+1}, which decides p(z_i|z_{i+1}), is drawn from z_i itself. Theirs is
    log q(z_i|z_{i-1}) - log p(z_i|z_{i+1}) of the draw, whose mean over draws may be below 0 for a
    layer, though never for all of them together.

    Args:
        widths, priors, decoder, likelihood: as in `Hierarchy`.
        encoder: from (B, …) to q(z_1|x), a `Posterior`.
        posteriors: from z_i to q(z_{i+1}|z_i), a `Posterior`, for i from 1 to L - 1.

    Source: Rezende et al. 2014; Burda et al. 2016, section 2; the baseline of Sønderby et al. 2016.
    """

    def __init__(
        self,
        widths: Sequence[int],
        encoder: nn.Module,
        posteriors: Sequence[nn.Module],
        priors: Sequence[nn.Module],
        decoder: nn.Module,
        likelihood: Likelihood,
    ) -> None:
        super().__init__(widths, encoder, priors, decoder, likelihood)
        self.posteriors = nn.ModuleList(posteriors)

    def draw(
        self,
        encoded: Posterior,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        q = encoded.repeated(draws)
        found: list[tuple[Posterior, Tensor]] = []
        z: list[Tensor] = []
        for following in [*self.posteriors, None]:
            normal = standard_normal(q.mean.shape, noise, q.mean)
            found.append((q, normal))
            z.append(q.at(normal))
            if following is not None:
                q = following(z[-1])
        ratios = [
            log_ratio_of(q, self.prior_of(layer, z), normal)
            for layer, (q, normal) in enumerate(found)
        ]
        kl = [*(-ratio.to(z[0]) for ratio in ratios[:-1]), found[-1][0].kl()]
        ratio = torch.cat(ratios, 1).sum(1) if log_ratio else None
        return Draw(torch.cat(z, 1), torch.cat(kl, 1), ratio)

    def means(self, encoded: Posterior) -> Tensor:
        z = [encoded.mean]
        for following in self.posteriors:
            z.append(following(z[-1]).mean)
        return torch.cat(z, 1)
