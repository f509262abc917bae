"""A posterior as one object, as autoencoders for latent diffusion pass it to their loss."""

from torch import Tensor
from torch.distributions import Normal, kl_divergence


class Posterior(Normal):
    """N(mu, e^log_var) with the names that such losses read: `mean`, `logvar`, `var`, `std`, `kl()`
    (B,) in nats, summed over all axes but the first, and torch's own."""

    def __init__(self, mu: Tensor, log_var: Tensor) -> None:
        super().__init__(mu, (log_var / 2).exp(), validate_args=False)
        self.mu = mu
        self.logvar = self.log_var = log_var
        self.var, self.std = log_var.exp(), (log_var / 2).exp()

    def kl(self, other: "Posterior | None" = None) -> Tensor:
        """(B,) the KL to N(0, 1), or to another posterior, in nats."""
        if other is not None:
            return kl_divergence(self, other).flatten(1).sum(1)
        return (self.mu**2 + self.var - 1 - self.logvar).flatten(1).sum(1) / 2

    def mode(self) -> Tensor:  # type: ignore[override]  # a method there
        return self.mu
