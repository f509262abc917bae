"""First and second derivatives of log p(x|η) by the decoder's output η, by autodiff: for a
likelihood whose closed forms nobody has written down."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from betafront.errors import UserError

if TYPE_CHECKING:
    from betafront.objective.likelihoods.base import Likelihood

CLOSE = 1e-4  # of the greatest second derivative, in the float64 or float32 of the parameters


def score_by_autodiff(likelihood: "Likelihood", params: Tensor, x: Tensor) -> Tensor:
    """(B, K, D) as `Likelihood.score`: K is `outputs` and D the number of data dimensions."""
    with torch.enable_grad():
        each = params.detach().expand(len(x), *params.shape[1:]).clone().requires_grad_()
        (slope,) = torch.autograd.grad(likelihood.log_prob(each, x).sum(), each)
    return likelihood.unpack(slope).flatten(2)


def information_by_autodiff(likelihood: "Likelihood", params: Tensor, x: Tensor) -> Tensor:
    """(K, K, D) as `Likelihood.information`.

    Raises:
        UserError: the data dimensions of the likelihood depend on each other, so that the second
            derivatives are no blocks; or these are not finite.
    """
    with torch.enable_grad():
        shared = params.detach().clone().requires_grad_()
        mean = likelihood.log_prob(shared, x).mean()
        (slope,) = torch.autograd.grad(mean, shared, create_graph=True)
        apart = likelihood.unpack(slope).flatten(2)[0]  # (K, D)
        if not apart.requires_grad:  # of a log p that is linear in its parameters
            return apart.new_zeros(len(apart), *apart.shape)

        def row(k: int, signs: Tensor) -> Tensor:
            (found,) = torch.autograd.grad(
                (apart[k] * signs).sum(), shared, retain_graph=True, materialize_grads=True
            )
            return likelihood.unpack(found).flatten(2)[0] * signs

        one = torch.ones_like(apart[0])
        # Of dimensions that depend on each other, a sum over all differs from one of random signs.
        draws = torch.rand(one.shape, generator=torch.Generator().manual_seed(0)) < 0.5
        signs = torch.where(draws.to(one.device), one, -one)
        rows = [row(k, one) for k in range(len(apart))]
        signed = row(0, signs)
    blocks = torch.stack(rows)
    if not bool(torch.isfinite(blocks).all()):
        raise UserError(
            f"likelihood {type(likelihood).__name__}: second derivatives of its log p(x|z) are not "
            "finite at the best constant output, so that they forecast no β: search a wide range, "
            "as 'objective.weight=tag(log,interval(0.01,100))'"
        )
    if not torch.allclose(rows[0], signed, rtol=CLOSE, atol=CLOSE * float(rows[0].abs().max())):
        raise UserError(
            f"likelihood {type(likelihood).__name__}: its data dimensions depend on each other "
            "given z, and it gives no score and information of its own, so there is no forecast "
            "of it (of counts, likelihood.total=null leaves the rates free)"
        )
    return -blocks
