"""Losses as people write them in public repositories, written anew from their mathematics; B
examples, N values, M latents. What each means is derived by hand in `test_audit_public.py`."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from betafront.weights.projects import kl


def per_example(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).flatten(1).sum(1)


class LatentDiffusion(nn.Module):
    """The autoencoder's loss of latent diffusion, without its perceptual and adversarial terms."""

    def __init__(self, kl_weight: float = 1e-6, logvar_init: float = 0.0) -> None:
        super().__init__()
        self.kl_weight = kl_weight
        self.logvar = nn.Parameter(torch.ones(size=()) * logvar_init)

    def forward(self, inputs: Tensor, reconstructions: Tensor, posteriors: Any) -> Any:
        rec = torch.abs(inputs.contiguous() - reconstructions.contiguous())
        nll = rec / torch.exp(self.logvar) + self.logvar
        nll = torch.sum(nll) / nll.shape[0]
        divergence = posteriors.kl()
        divergence = torch.sum(divergence) / divergence.shape[0]
        return nll + self.kl_weight * divergence, {"logvar": self.logvar.detach()}


class LatentDiffusionOfMeans(nn.Module):
    """The same with a squared error and means everywhere, and a scale of a σ of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.logvar = nn.Parameter(torch.tensor(4.0).log())

    def forward(self, x: Tensor, x_hat: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
        nll = functional.mse_loss(x_hat, x) / self.logvar.exp() + self.logvar
        return nll + 0.01 * kl(mean, logvar).mean()


class PerChannel(nn.Module):
    """A Gaussian with a learned σ for every channel."""

    def __init__(self) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor([-1.0, 0.0, 0.5]).view(3, 1, 1))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        density = torch.distributions.Normal(recon, self.log_sigma.exp()).log_prob(x)
        return -density.flatten(1).sum(1).mean() + 0.5 * per_example(mu, log_var).mean()


class Halves(nn.Module):
    """Two learned scales, each of one half of the channels."""

    def __init__(self, second: float = 1.0) -> None:
        super().__init__()
        self.second = second
        self.log_var_a = nn.Parameter(torch.tensor(0.3))
        self.log_var_b = nn.Parameter(torch.tensor(-0.4))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        squares = (x - recon).square()
        a = squares[:, :2] / self.log_var_a.exp() + self.log_var_a
        b = squares[:, 2:] / self.log_var_b.exp() + self.log_var_b
        return (a.sum() + self.second * b.sum() + 3 * kl(mu, log_var).sum()) / len(x)


class TwoTasks(nn.Module):
    """Uncertainty weights of both terms, as for two tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        a, b = self.log_vars
        one = (-a).exp() * functional.mse_loss(recon, x) + a
        return one + (-b).exp() * per_example(mu, log_var).mean() + b


class LearnedBeta(nn.Module):
    """A weight of the KL that is learned and that nothing holds."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        error = (x - recon).square().flatten(1).sum(1) / 2
        return (error + self.beta * per_example(mu, log_var)).mean()


class ClippedSigma(nn.Module):
    """σ-VAE's shared σ, clipped softly from below."""

    def __init__(self) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.full((1,), 0.7))

    def forward(self, x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        log_sigma = -6 + functional.softplus(self.log_sigma + 6)
        rec = 0.5 * ((x - x_hat) / log_sigma.exp()).pow(2) + log_sigma + 0.9189385332046727
        return rec.sum() + kl(mu, logvar).sum()


class NoLog(nn.Module):
    """A learned scale without its logarithm."""

    def __init__(self) -> None:
        super().__init__()
        self.log_var = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(recon, x) / self.log_var.exp() + per_example(mu, log_var).mean()


def mult_vae(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor, anneal: float = 0.2) -> Tensor:
    """Recommenders: multinomial log-likelihood of a user's clicks."""
    bce = -torch.mean(torch.sum(functional.log_softmax(recon_x, 1) * x, -1))
    kld = -0.5 * torch.mean(torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1))
    return bce + anneal * kld


def mult_vae_of_means(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The same averaged over the items too, which makes the weight N times as large."""
    return -(functional.log_softmax(recon_x, 1) * x).mean() + 0.2 * per_example(mu, logvar).mean()


def sentence_vae(logp: Tensor, target: Tensor, mean: Tensor, logv: Tensor) -> Tensor:
    """Sentences: summed NLL of log-probabilities without padding, class 0."""
    nll = functional.nll_loss(
        logp.view(-1, logp.size(2)), target.contiguous().view(-1), ignore_index=0, reduction="sum"
    )
    kl_loss = -0.5 * torch.sum(1 + logv - mean.pow(2) - logv.exp())
    return (nll + 0.3 * kl_loss) / logp.size(0)


def padded_text(logits: Tensor, tokens: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Text: the mean over the tokens that are no padding, class 1."""
    rec = functional.cross_entropy(logits.transpose(1, 2), tokens, ignore_index=1)
    return rec + 0.1 * per_example(mu, logvar).mean()


def moses(x: Tensor, y: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Molecules: each token by the logits of the position before it, padding being class 3."""
    rec = functional.cross_entropy(
        y[:, :-1].contiguous().view(-1, y.size(-1)), x[:, 1:].contiguous().view(-1), ignore_index=3
    )
    return rec + 0.05 * per_example(mu, logvar).mean()


def molecular_bce(x_decoded: Tensor, x: Tensor, z_mean: Tensor, z_log_var: Tensor) -> Tensor:
    """Molecules as one-hot rows, with a binary cross-entropy of every entry, times the length."""
    rec = x.size(1) * functional.binary_cross_entropy(x_decoded, x)
    return rec - 0.5 * torch.mean(1 + z_log_var - z_mean**2 - z_log_var.exp())


def molecular_softmax(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Molecules as one-hot rows, with the cross-entropy of a softmax, summed."""
    rec = -(x * recon.log_softmax(-1)).sum((1, 2)).mean()
    return rec + 0.4 * per_example(mu, logvar).mean()


def of_argmax(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The classes of a one-hot x by argmax, and the mean over tokens."""
    rec = functional.cross_entropy(recon.reshape(-1, recon.size(-1)), x.argmax(-1).reshape(-1))
    return rec + 0.4 * per_example(mu, logvar).mean()


def blocks(logits: Tensor, target: Tensor, mu: Tensor, logvar: Tensor, w: float = 0.001) -> Tensor:
    """Voxels of K classes, (B, K, D, H, W) beside (B, D, H, W)."""
    rows = logits.permute(0, 2, 3, 4, 1).reshape(-1, logits.size(1))
    rec = functional.cross_entropy(rows, target.reshape(-1))
    return rec - w * 0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())


def log_nb(x: Tensor, mu: Tensor, theta: Tensor, eps: float = 1e-8) -> Tensor:
    """Log-probability of a negative binomial, as single-cell models write it."""
    total = torch.log(theta + mu + eps)
    return (
        theta * (torch.log(theta + eps) - total)
        + x * (torch.log(mu + eps) - total)
        + torch.lgamma(x + theta)
        - torch.lgamma(theta)
        - torch.lgamma(x + 1)
    )


def log_zinb(x: Tensor, mu: Tensor, theta: Tensor, pi: Tensor, eps: float = 1e-8) -> Tensor:
    """Log-probability of a zero-inflated one, pi being logits."""
    log_theta, log_total = torch.log(theta + eps), torch.log(theta + mu + eps)
    power = -pi + theta * (log_theta - log_total)
    zero = functional.softplus(power) - functional.softplus(-pi)
    other = (
        -functional.softplus(-pi)
        + power
        + x * (torch.log(mu + eps) - log_total)
        + torch.lgamma(x + theta)
        - torch.lgamma(theta)
        - torch.lgamma(x + 1)
    )
    return (x < eps).to(x) * zero + (x > eps).to(x) * other


def scvi_zinb(
    x: Tensor, px_rate: Tensor, px_r: Tensor, px_dropout: Tensor, qz_m: Tensor, qz_v: Tensor
) -> Tensor:
    """Cells: a zero-inflated negative binomial, and the KL by torch's distributions."""
    reconst = -log_zinb(x, px_rate, px_r, px_dropout).sum(dim=-1)
    one = torch.distributions.Normal(qz_m, qz_v.sqrt())
    other = torch.distributions.Normal(torch.zeros_like(qz_m), torch.ones_like(qz_v))
    divergence = torch.distributions.kl_divergence(one, other).sum(dim=1)
    return torch.mean(reconst + 0.7 * divergence)


class Cells(nn.Module):
    """A negative binomial with one learned dispersion for every gene, zeros inflated or not."""

    def __init__(self, genes: int) -> None:
        super().__init__()
        self.px_r = nn.Parameter(torch.linspace(-1, 1, genes))

    def forward(self, x: Tensor, px_rate: Tensor, qz: torch.distributions.Normal) -> Tensor:
        reconst = -log_nb(x, px_rate, self.px_r.exp()).sum(-1)
        other = torch.distributions.Normal(torch.zeros_like(qz.mean), torch.ones_like(qz.mean))
        divergence = torch.distributions.kl_divergence(qz, other).sum(1)
        return (reconst + 0.7 * divergence).mean()


def torch_nb(x: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor, theta: Tensor) -> Tensor:
    """torch's own negative binomial, averaged over everything."""
    nb = torch.distributions.NegativeBinomial(theta, logits=logits)
    return -nb.log_prob(x).mean() + kl(mu, logvar).mean()


def fixed_nb(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A fixed dispersion of 10, of log-rates, without the gammas of x alone."""
    nats = log_nb(x, x_hat.exp(), torch.full_like(x, 10.0)) + torch.lgamma(x + 1)
    return -nats.sum() / len(x) + per_example(mu, logvar).mean()


def poisson_rates(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """torch's own Poisson, of rates, which refuses all but counts."""
    rec = -torch.distributions.Poisson(x_hat).log_prob(x).sum(-1)
    return (rec + 2 * per_example(mu, logvar)).mean()


def poisson_loss(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """torch's Poisson loss, of log-rates, averaged over everything."""
    return functional.poisson_nll_loss(x_hat, x) + 0.1 * per_example(mu, logvar).mean()


def poisson_shares(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A Poisson whose rates are a softmax times the size of the library."""
    rate = x.sum(-1, keepdim=True) * x_hat.softmax(-1)
    rec = -torch.distributions.Poisson(rate).log_prob(x).sum(-1)
    return (rec + 2 * per_example(mu, logvar)).mean()


def imputation(
    src_data: Tensor, imputed: Tensor, mask: Tensor, mu: Tensor, log_var: Tensor
) -> Tensor:
    """The mean squared error of observed values beside a KL."""
    mse = ((mask * (src_data - imputed)) ** 2).sum() / mask.sum()
    return mse + 0.2 * per_example(mu, log_var).mean()


def summed_imputation(
    x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor, mask: Tensor | None = None
) -> Tensor:
    """The summed squared error of observed values: its weight does not change with the mask."""
    squares = (x - x_hat) ** 2
    if mask is not None:
        squares = squares * mask
    return squares.sum() / len(x) / 2 + per_example(mu, log_var).mean()


def motion(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor, lengths: Tensor) -> Tensor:
    """Sequences of F numbers: the mean over each sequence's own length, then over the batch."""
    total = x_hat.new_zeros(())
    for i, length in enumerate(lengths):
        total = total + functional.mse_loss(x_hat[i, :length], x[i, :length])
    return total / len(x) + 0.01 * per_example(mu, logvar).mean()


def padded_tokens(
    logits: Tensor, tokens: Tensor, mu: Tensor, logvar: Tensor, key_padding_mask: Tensor
) -> Tensor:
    """Tokens with a mask that is true where there is padding, and the mean over the others."""
    each = functional.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    rec = each.masked_fill(key_padding_mask, 0).sum() / (~key_padding_mask).sum()
    return rec + 0.1 * per_example(mu, logvar).mean()


def spatial_means(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A spatial latent, whose KL is summed over its channels and averaged over its positions."""
    rec = functional.mse_loss(recon, x, reduction="sum") / len(x)
    divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
    return rec + 3 * divergence.mean()


def spatial_sums(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A spatial latent, whose KL is summed over all but the batch."""
    divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=[1, 2, 3])
    return functional.mse_loss(recon, x) + 1e-4 * divergence.mean()
